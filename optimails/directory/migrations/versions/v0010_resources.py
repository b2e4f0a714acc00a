"""Rooms and equipment."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """There are none yet."""
    op.create_table(
        "resource",
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("capacity", sa.Integer()),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("booking", sa.String(16), nullable=False),
        sa.Column("max_duration", sa.Integer()),
        sa.Column("horizon", sa.Integer()),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("bookers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_resource"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_resource_account", ondelete="CASCADE"),
    )
