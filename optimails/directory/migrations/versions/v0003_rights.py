"""Rights on mailboxes and calendars, delegations, and what plans allow of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FEATURES = {
    "basic": ("shared-folders delegation", "optimails"),
    "premium": ("shared-folders delegation free-busy sharing", "optimails"),
    "shex": ("shared-folders delegation free-busy sharing", "exchange"),
}


def upgrade() -> None:
    """Nobody shares anything yet; plans that an operator has added allow nothing until he says so."""
    op.add_column("plan", sa.Column("features", sa.Text(), nullable=False, server_default=""))
    op.add_column("plan", sa.Column("family", sa.String(32), nullable=False, server_default=""))
    plan = sa.table("plan", sa.column("id"), sa.column("features"), sa.column("family"))
    for name, (features, family) in FEATURES.items():
        op.execute(sa.update(plan).where(plan.c.id == name).values(features=features, family=family))
    _object_table(
        "acl_entry",
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("negative", sa.Boolean(), nullable=False),
        sa.Column("rights", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("owner", "kind", "object", "identifier", "negative", name="pk_acl_entry"),
    )
    op.create_index("ix_acl_entry_identifier", "acl_entry", ["identifier"])
    _object_table("common_seen", sa.PrimaryKeyConstraint("owner", "kind", "object", name="pk_common_seen"))
    _object_table(
        "share_answer",
        sa.Column("viewer", sa.String(32), nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        _account("share_answer", "viewer"),
        sa.PrimaryKeyConstraint("viewer", "owner", "kind", "object", name="pk_share_answer"),
    )
    op.create_index("ix_share_answer_owner", "share_answer", ["owner"])
    op.create_table(
        "delegation",
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("delegate", sa.String(32), nullable=False),
        sa.Column("bundle", sa.String(16), nullable=False),
        sa.Column("send", sa.String(16), nullable=False),
        sa.Column("hide_private", sa.Boolean(), nullable=False),
        sa.Column("starts", sa.BigInteger()),
        sa.Column("ends", sa.BigInteger()),
        _account("delegation", "owner"),
        _account("delegation", "delegate"),
        sa.PrimaryKeyConstraint("owner", "delegate", name="pk_delegation"),
    )
    op.create_index("ix_delegation_delegate", "delegation", ["delegate"])


def _account(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["account.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")


def _object_table(name: str, *more: sa.schema.SchemaItem) -> None:
    """A table about an object of an account."""
    op.create_table(
        name,
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("object", sa.String(64), nullable=False),
        _account(name, "owner"),
        *more,
    )
