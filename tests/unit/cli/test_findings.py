"""Every kind of finding has its words."""

import pytest

from optimails.mailbox.findings import Kind
from optimails.texts import LANGUAGES, text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_words(kind, language):
    assert text(f"cli.finding.{kind}", language)
