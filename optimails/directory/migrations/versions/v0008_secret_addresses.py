"""Secret addresses of published calendars and busy times."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody publishes anything yet."""
    op.create_table(
        "secret_address",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("object", sa.String(64), nullable=False),
        sa.Column("details", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret_address"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_secret_address_account", ondelete="CASCADE"),
        sa.UniqueConstraint("account", "object", name="uq_secret_address_account"),
    )
