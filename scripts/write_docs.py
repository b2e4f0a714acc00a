#!/usr/bin/env python3
"""Writes the pages of docs/ that are made from the program: configuration.md, commands.md.

With --check nothing is written; pages that are not current are named, and the exit code is 1.
"""

import os
import sys
from pathlib import Path

os.environ["OPTIMAILS_LANG"] = "en"

from optimails.cli.reference import reference as commands
from optimails.config import reference as configuration

DOCS = Path(__file__).parents[1] / "docs"

check = "--check" in sys.argv
stale = False
for name, page in (("configuration.md", configuration()), ("commands.md", commands())):
    if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != page:
        stale = True
        if not check:
            (DOCS / name).write_text(page, "utf-8")
        print(f"docs/{name}: {'is not current; make docs writes it anew' if check else 'written'}")
sys.exit(stale and check)
