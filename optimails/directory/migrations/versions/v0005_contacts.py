"""How to reach people, their pictures, and addresses that no address book shows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXTS = (
    "given_name",
    "family_name",
    "title",
    "department",
    "company",
    "office",
    "location",
    "phone",
    "mobile",
    "fax",
    "manager",
)


def upgrade() -> None:
    """Nothing is known of anybody yet, and nobody is hidden."""
    op.add_column("address", sa.Column("hidden", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "contact",
        sa.Column("account", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("account", name="pk_contact"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_contact_account", ondelete="CASCADE"),
    )
    op.create_table(
        "photo",
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_photo"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_photo_account", ondelete="CASCADE"),
    )
