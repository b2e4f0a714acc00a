"""How a message is built when it wants to be seen by its reader and not by a filter."""

import re

from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact

_STYLED = re.compile(
    r"<[a-z]{1,10}\s[^<>]{0,500}?style\s*=\s*[\"']([^\"'<>]{1,500})[\"'][^<>]{0,500}>([^<]{0,4000})", re.IGNORECASE
)
_UNSEEN = re.compile(
    r"(?:^|;)\s*(?:font-size\s*:\s*[01](?:px|pt)?\s*(?:;|$)|visibility\s*:\s*hidden|opacity\s*:\s*0\s*(?:;|$))",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"<input\s[^<>]{0,500}?type\s*=\s*[\"']?password", re.IGNORECASE)
_HTML_NAME = (".htm", ".html", ".shtml", ".xhtml", ".svg")
_MUCH = 120  # characters nobody sees: a preview line of a newsletter is shorter
_FEW = 40  # characters that are no text


class Structure:
    name = "structure"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:  # noqa: ARG002 - every analyser gets it
        """Facts about hidden text, mail that is one picture, and HTML that comes as a file."""
        found = []
        sources = [part.source for part in examined.texts if part.html]
        hidden = [
            text.strip() for source in sources for style, text in _STYLED.findall(source) if _UNSEEN.search(style)
        ]
        if sum(map(len, hidden)) > _MUCH:
            found.append(fact(self.name, "HIDDEN_TEXT", hidden[0]))
        if any(_PASSWORD.search(source) for source in sources):
            found.append(fact(self.name, "HTML_WITH_FORM"))
        pictures = any(part.type == b"image" for part in examined.parts) or any(
            "<img" in one.lower() for one in sources
        )
        if sources and pictures and len("".join(examined.text.split())) < _FEW:
            found.append(fact(self.name, "ONLY_AN_IMAGE"))
        files = [part.filename for part in examined.parts if part.filename and not part.id]
        pages = [name for name in files if name.lower().rstrip(". ").endswith(_HTML_NAME)]
        if pages:
            found.append(fact(self.name, "HTML_FILE_ATTACHED", *pages))
        return found
