"""Plans: what a class of accounts may hold, and for how long what they expunge is kept."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from optimails.directory.admin.base import Base, changed, refused, valid_text
from optimails.directory.admin.values import UNCHANGED, PlanInfo, Unchanged
from optimails.directory.schema import SOURCE_DOMAIN, account, plan
from optimails.model.account import AccountState, Feature
from optimails.model.errors import Reason

FAMILY = "optimails"
_ID = re.compile(r"[a-z0-9][a-z0-9\-]{0,31}")


class Plans(Base):
    def plan_list(self) -> list[PlanInfo]:
        """All plans by id."""
        with self.database.read() as connection:
            return _plans(connection)

    def plan_add(  # noqa: PLR0913  (one argument for each column)
        self,
        plan_id: str,
        *,
        name: str = "",
        storage: int | None,
        messages: int | None = None,
        retention: int = 365,
        features: Sequence[str] = (),
        family: str = FAMILY,
    ) -> PlanInfo:
        """A new plan; limits in bytes and messages, None is unlimited, retention in days."""
        if not _ID.fullmatch(plan_id):
            raise refused(f"{plan_id!r} cannot be the id of a plan: lower-case letters, digits and hyphens")
        with self.database.write() as connection:
            if any(existing.id == plan_id for existing in _plans(connection)):
                raise refused(f"The plan {plan_id} exists already", Reason.ALREADY_EXISTS)
            values = {"storage": storage, "messages": messages, "retention": retention}
            _check(values)
            shown = valid_text(name or plan_id.upper(), "name")
            allowed = {"features": _features(features), "family": valid_text(family, "family")}
            connection.execute(insert(plan).values(id=plan_id, name=shown, **values, **allowed))
            return find_plan(connection, plan_id)

    def plan_set(  # noqa: PLR0913  (one argument for each column)
        self,
        plan_id: str,
        *,
        name: str | Unchanged = UNCHANGED,
        storage: int | Unchanged | None = UNCHANGED,
        storage_min: int | Unchanged | None = UNCHANGED,
        storage_max: int | Unchanged | None = UNCHANGED,
        messages: int | Unchanged | None = UNCHANGED,
        retention: int | Unchanged = UNCHANGED,
        features: Sequence[str] | Unchanged = UNCHANGED,
        family: str | Unchanged = UNCHANGED,
    ) -> PlanInfo:
        """Change a plan, and so what all of its accounts may hold that have no limit of their own."""
        values = changed(
            storage=storage, storage_min=storage_min, storage_max=storage_max, messages=messages, retention=retention
        )
        with self.database.write() as connection:
            before = find_plan(connection, plan_id)
            fields = ("storage", "storage_min", "storage_max", "messages", "retention")
            _check({field: getattr(before, field) for field in fields} | values)
            if not isinstance(name, Unchanged):
                values["name"] = valid_text(name, "name")
            if not isinstance(features, Unchanged):
                values["features"] = _features(features)
            if not isinstance(family, Unchanged):
                values["family"] = valid_text(family, "family")
            if values:
                connection.execute(update(plan).where(plan.c.id == plan_id).values(**values))
            return find_plan(connection, plan_id)


def find_plan(connection: Connection, plan_id: str) -> PlanInfo:
    """The plan, or ``Refused`` naming those that exist."""
    plans = {existing.id: existing for existing in _plans(connection)}
    if plan_id not in plans:
        raise refused(f"There is no plan {plan_id!r}; plans are: {', '.join(sorted(plans))}", Reason.NON_EXISTENT)
    return plans[plan_id]


def _plans(connection: Connection) -> list[PlanInfo]:
    used = (
        select(func.count())
        .where(
            account.c.plan == plan.c.id,
            account.c.state != AccountState.CLOSED,
            account.c.source != SOURCE_DOMAIN,
        )
        .scalar_subquery()
    )
    rows = connection.execute(select(plan, used.label("accounts")).order_by(plan.c.id)).mappings()
    return [PlanInfo(**(dict(row) | {"features": tuple(row["features"].split())})) for row in rows]


def _features(wanted: Sequence[str]) -> str:
    """The column; always in the same order."""
    known = [feature.value for feature in Feature]
    for word in wanted:
        if word not in known:
            raise refused(f"There is no feature {word!r}; features are: {', '.join(known)}")
    return " ".join(word for word in known if word in wanted)


def _check(values: dict[str, int | None]) -> None:
    for field, value in values.items():
        if value is not None and not 0 <= value < 2**63:
            raise refused(f"{field} must not be negative")
    if values["retention"] is None:
        raise refused("retention must be a number of days")
    low, high, storage = values.get("storage_min"), values.get("storage_max"), values["storage"]
    if low is not None and high is not None and low > high:
        raise refused("The smallest storage is larger than the largest")
    if storage is not None and ((low is not None and storage < low) or (high is not None and storage > high)):
        raise refused("The plan's storage lies outside its own bounds")
