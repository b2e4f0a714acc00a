"""Delegations of calendars alone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was given before is of the whole account."""
    op.add_column("delegation", sa.Column("scope", sa.String(16), nullable=False, server_default="all"))
