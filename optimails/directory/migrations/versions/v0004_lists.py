"""Distribution lists."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """There are none yet."""
    op.add_column("address", sa.Column("list", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "mailing_list",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("local", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("posting", sa.String(16), nullable=False),
        sa.Column("others", sa.String(16), nullable=False),
        sa.Column("reply_to", sa.String(16), nullable=False),
        sa.Column("subject_tag", sa.Text(), nullable=False),
        sa.Column("max_size", sa.BigInteger()),
        sa.Column("from_rewrite", sa.String(16), nullable=False),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("leave", sa.Boolean(), nullable=False),
        sa.Column("hold_days", sa.Integer(), nullable=False),
        sa.Column("bounces", sa.Integer(), nullable=False),
        sa.Column("bounce_days", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_mailing_list"),
        sa.ForeignKeyConstraint(["address"], ["address.key"], name="fk_mailing_list_address", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["domain"], ["domain.name"], name="fk_mailing_list_domain"),
    )
    op.create_index("ix_mailing_list_domain", "mailing_list", ["domain"])
    op.create_table(
        "list_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("suspended", sa.Text()),
        sa.Column("suspended_at", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_list_member"),
        sa.ForeignKeyConstraint(["list"], ["mailing_list.address"], name="fk_list_member_list", ondelete="CASCADE"),
        sa.UniqueConstraint("list", "address", name="uq_list_member_list"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_list_member_address", "list_member", ["address"])
    op.create_table(
        "list_role",
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("list", "role", "address", name="pk_list_role"),
        sa.ForeignKeyConstraint(["list"], ["mailing_list.address"], name="fk_list_role_list", ondelete="CASCADE"),
    )
    op.create_table(
        "list_bounce",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member", "day", name="pk_list_bounce"),
        sa.ForeignKeyConstraint(["member"], ["list_member.id"], name="fk_list_bounce_member", ondelete="CASCADE"),
    )
