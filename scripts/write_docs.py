#!/usr/bin/env python3
"""Writes the pages of docs/ that are made from the program: configuration.md, commands.md."""

import os
from pathlib import Path

os.environ["OPTIMAILS_LANG"] = "en"

from optimails.cli.reference import reference as commands
from optimails.config import reference as configuration

DOCS = Path(__file__).parents[1] / "docs"

for name, page in (("configuration.md", configuration()), ("commands.md", commands())):
    if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != page:
        (DOCS / name).write_text(page, "utf-8")
        print(f"docs/{name}: written")
