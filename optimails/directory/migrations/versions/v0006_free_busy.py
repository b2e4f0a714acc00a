"""Whether colleagues see when somebody is busy."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """They do, unless somebody says otherwise."""
    op.add_column("domain", sa.Column("free_busy", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("account", sa.Column("free_busy", sa.Boolean()))
