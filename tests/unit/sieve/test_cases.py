"""The table of scripts, carried out by our interpreter."""

import pytest

from tests.support.sieve_cases import CASES, MESSAGES, Case, ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_does_what_the_table_says(case: Case) -> None:
    assert ours(case.script, MESSAGES[case.message]) == case.actions


def test_there_are_many() -> None:
    assert len(CASES) > 100
