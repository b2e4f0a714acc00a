"""Which rule of ours a message falls under."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from optimails.queue.api import Route, RouteTls
from smtp.outbound.connect import interleaved
from smtp.outbound.plan import Plan, plan_for
from tests.support.outbound import config, job


def planned(folder: Path, *rules: dict[str, Any], recipient: str = "bob@there.example", **more: Any) -> Plan:
    return plan_for(job(folder, recipient, **more), config(folder, routes=rules))


def test_the_first_rule_that_fits_is_taken(tmp_path: Path) -> None:
    rules = (
        {"senders": ["other.example"], "host": "no"},
        {"destinations": [".there.example"], "host": "below"},
        {"destinations": ["there.example"], "senders": ["here.example"], "host": "both", "port": 2525},
        {"senders": ["<>"], "host": "null"},
        {"host": "rest"},
    )
    assert planned(tmp_path, *rules).host == "both"
    assert planned(tmp_path, *rules).port == 2525
    assert planned(tmp_path, *rules, recipient="bob@sub.there.example").host == "below"
    assert planned(tmp_path, *rules, sender="").host == "null"
    assert planned(tmp_path, *rules, recipient="bob@far.example").host == "rest"
    assert planned(tmp_path, recipient="bob@far.example").host == ""


def test_ports_and_tls_by_what_is_spoken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x\n")
    login = {"host": "h", "login": "me", "password_file": str(tmp_path / "secret")}
    assert planned(tmp_path, {"host": "h", "protocol": "lmtp"}).port == 24
    assert planned(tmp_path, {"host": "h", "tls": "implicit"}).port == 465
    assert planned(tmp_path, login).tls == "verified"
    assert "x" not in repr(planned(tmp_path, login).login).replace("here.example", "")


def test_a_route_of_the_queue_goes_before(tmp_path: Path) -> None:
    rule = {"host": "smart", "source_ipv4": "192.0.2.25"}
    plan = planned(tmp_path, rule, route=Route("customer.example", 26, RouteTls.VERIFIED))
    assert (plan.host, plan.port, plan.tls, plan.source.ipv4) == ("customer.example", 26, "verified", "192.0.2.25")
    assert planned(tmp_path, rule, route=Route("", tls=RouteTls.REQUIRED)).tls == "required"


@pytest.mark.parametrize(
    "rule",
    [
        {"login": "me"},
        {"login": "me", "password_file": "x"},
        {"host": "h", "login": "me", "password_file": "x", "tls": "opportunistic"},
        {"protocol": "lmtp"},
    ],
)
def test_rules_that_make_no_sense(tmp_path: Path, rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(tmp_path, routes=(rule,))


def test_a_password_that_cannot_be_read_defers(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        planned(tmp_path, {"host": "h", "login": "me", "password_file": str(tmp_path / "gone")})


def test_families_take_turns() -> None:
    assert interleaved(["::1", "::2", "::3", "1.1.1.1"]) == ["::1", "1.1.1.1", "::2", "::3"]
    assert interleaved(["1.1.1.1", "::1", "::2"]) == ["1.1.1.1", "::1", "::2"]
    assert interleaved([]) == []
