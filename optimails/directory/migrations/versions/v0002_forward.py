"""Where an account's mail is sent on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody forwards yet."""
    op.add_column("account", sa.Column("forward", sa.Text()))
    op.add_column("account", sa.Column("forward_copy", sa.Boolean(), nullable=False, server_default=sa.true()))
