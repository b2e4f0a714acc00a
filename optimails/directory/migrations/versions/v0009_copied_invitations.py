"""Delegates who get copies of invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody does until it is said."""
    op.add_column("delegation", sa.Column("invitations", sa.Boolean(), nullable=False, server_default=sa.false()))
