"""Any bytes are a script or a SieveError, and whatever is a script ends in an outcome or in ScriptFailed."""

import contextlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sieve.language import Limits, SieveError, compile_script
from sieve.language.specs import ANNOUNCED
from sieve.run import Message, ScriptFailed, run
from tests.support.sieve_cases import CASES, MESSAGES, PARTS, PLAIN, World

WORDS = sorted({word for case in CASES for word in re.findall(r':?\w+|"[^"]*"|[\[\](){};,]|\s+', case.script)})
SCRIPTS = [case.script.encode() for case in CASES]
EVERYTHING = "require [" + ", ".join(f'"{name}"' for name in ANNOUNCED) + "];\n"


def carry_out(script: bytes, message: bytes = PLAIN) -> None:
    try:
        compiled = compile_script(script)
    except SieveError:
        return
    with contextlib.suppress(ScriptFailed):
        run(compiled, Message(message), World(), Limits(steps=2_000, work=2_000_000))


@given(st.binary(max_size=200))
def test_any_bytes(script: bytes) -> None:
    carry_out(script)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_words_of_the_language(words: list[str]) -> None:
    carry_out((EVERYTHING + "".join(words)).encode(), PARTS)


@settings(max_examples=300)
@given(st.sampled_from(SCRIPTS), st.integers(0, 300), st.integers(0, 20), st.binary(max_size=4))
def test_scripts_that_are_nearly_right(script: bytes, at: int, length: int, other: bytes) -> None:
    carry_out(script[:at] + other + script[at + length :])


@settings(max_examples=200)
@given(st.sampled_from(CASES), st.binary(max_size=300), st.integers(0, 1_000))
def test_any_message(case, garbage: bytes, at: int) -> None:
    message = MESSAGES[case.message]
    carry_out(case.script.encode(), message[:at] + garbage + message[at:])
    carry_out(case.script.encode(), garbage)
