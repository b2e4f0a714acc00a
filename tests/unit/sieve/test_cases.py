"""The table of scripts, carried out by our interpreter."""

import pytest

from sieve.language.specs import ANNOUNCED
from tests.support.sieve_cases import CASES, MESSAGES, Case, ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_does_what_the_table_says(case: Case) -> None:
    assert ours(case.script, MESSAGES[case.message]) == case.actions


def test_there_are_many() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize("extension", ANNOUNCED)
def test_every_extension_that_is_announced_has_a_case(extension: str) -> None:
    assert any(f'"{extension}"' in case.script for case in CASES)
