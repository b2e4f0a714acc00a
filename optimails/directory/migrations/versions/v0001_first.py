"""The directory's first tables, and the three plans."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GIB = 2**30


def upgrade() -> None:
    """Create everything."""
    directory = op.create_table(
        "directory",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory"),
    )
    op.create_table(
        "domain",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("postmaster", sa.Text()),
        sa.Column("catch_all", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_domain"),
    )
    plan = op.create_table(
        "plan",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("storage", sa.BigInteger()),
        sa.Column("storage_min", sa.BigInteger()),
        sa.Column("storage_max", sa.BigInteger()),
        sa.Column("messages", sa.BigInteger()),
        sa.Column("retention", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    _accounts()
    op.bulk_insert(directory, [{"id": 1, "version": 1, "secret": secrets.token_bytes(32)}])
    op.bulk_insert(
        plan,
        [
            _plan("basic", "BASIC", 1, 365),
            _plan("premium", "PREMIUM", 25, 365),
            _plan("shex", "SHEX", 25, 21) | {"storage_min": 2 * GIB, "storage_max": 60 * GIB},
        ],
    )


def _plan(plan: str, name: str, gib: int, retention: int) -> dict[str, str | int | None]:
    return {
        "id": plan,
        "name": name,
        "storage": gib * GIB,
        "storage_min": None,
        "storage_max": None,
        "messages": None,
        "retention": retention,
    }


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("local", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("plan", sa.String(32), nullable=False),
        sa.Column("storage", sa.BigInteger()),
        sa.Column("messages", sa.BigInteger()),
        sa.Column("retention", sa.Integer()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("over_quota", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("password", sa.Text()),
        sa.Column("scram_salt", sa.LargeBinary()),
        sa.Column("scram_iterations", sa.Integer()),
        sa.Column("scram_stored", sa.LargeBinary()),
        sa.Column("scram_server", sa.LargeBinary()),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_from", sa.String(16)),
        sa.Column("closed_with_domain", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.ForeignKeyConstraint(["domain"], ["domain.name"], name="fk_account_domain"),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_account_plan"),
    )
    op.create_index("ix_account_domain", "account", ["domain"])
    op.create_index("ix_account_state", "account", ["state"])
    op.create_table(
        "address",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("account", sa.String(32)),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_address"),
        sa.ForeignKeyConstraint(["domain"], ["domain.name"], name="fk_address_domain"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_address_account"),
        sa.UniqueConstraint("account", name="uq_address_account"),
    )
    op.create_index("ix_address_domain", "address", ["domain"])
    op.create_table(
        "alias_target",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("alias", "target", name="pk_alias_target"),
        sa.ForeignKeyConstraint(["alias"], ["address.key"], name="fk_alias_target_alias", ondelete="CASCADE"),
    )
    op.create_index("ix_alias_target_target", "alias_target", ["target"])
    op.create_table(
        "app_password",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_app_password"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_app_password_account", ondelete="CASCADE"),
        sa.UniqueConstraint("hash", name="uq_app_password_hash"),
    )
    op.create_index("ix_app_password_account", "app_password", ["account"])
