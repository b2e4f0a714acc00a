"""The page docs/configuration.md, made from the models themselves."""

import inspect
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from optimails.config.root import Config

_HEAD = """# Configuration

One TOML file, by default `optimails.toml`. An unknown key is an error. Relative paths start from the folder of the
file. Every key can be set by an environment variable as well: `OPTIMAILS__SERVER__HOSTNAME` sets `hostname` in
`[server]`, `OPTIMAILS__LISTENER__0__ADDRESS` the address of the first listener. Secrets are never written here:
keys that end in `_file` name a file whose first line is the secret. `optimails config check` says what is wrong.

This page is made from the program's own definitions.
"""


def reference() -> str:
    """Every table and key with type, default and description, as Markdown."""
    return "\n".join([_HEAD, *(part for name, field in Config.model_fields.items() for part in _section(name, field))])


def _section(name: str, field: FieldInfo) -> list[str]:
    model, repeated = _section_model(field)
    lines = [
        f"## `[[{name}]]`" if repeated else f"## `[{name}]`",
        "",
        inspect.getdoc(model) or field.description or "",
        "",
    ]
    return [*lines, *_rows(model, ""), ""]


def _section_model(field: FieldInfo) -> tuple[type[BaseModel], bool]:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    inner: type[BaseModel] = get_args(annotation)[0]
    return inner, True


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    if not model.model_fields:
        return ["No keys yet."]
    lines = [] if prefix else ["| key | type | default | what it does |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        kind, default = _kind(field.annotation), _default(field)
        text = " ".join((field.description or "").split()).replace("|", "\\|")
        lines.append(f"| `{prefix}{name}` | {kind} | {default} | {text} |")
        for inner in get_args(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                lines += _rows(inner, f"{prefix}{name}.")
    return lines


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return _shown(field.get_default(call_default_factory=True, validated_data={}))


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        return f'`"{value.value}"`'
    if isinstance(value, Path | str):
        return f'`"{value}"`'
    if isinstance(value, tuple | list | frozenset | set):
        return f"`[{', '.join(_shown(item).strip('`') for item in value)}]`"
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_shown(item).strip('`')}" for key, item in value.items())
        return f"`{{{inner}}}`"
    if isinstance(value, BaseModel):
        return "a table"
    return f"`{value}`"


_KINDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _KINDS:
        return _KINDS[annotation]
    if origin is Literal:
        return ", ".join(f'`"{value}"`' for value in arguments)
    if origin in (Union, types.UnionType):
        names = dict.fromkeys(_kind(inner) for inner in arguments if inner is not type(None))
        return " or ".join(names)
    if origin in (tuple, list, frozenset, set):
        return f"list of: {_kind(arguments[0])}"
    if origin is dict:
        return f"table of: {_kind(arguments[1])}"
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return ", ".join(f'`"{member.value}"`' for member in annotation)
        if "Network" in annotation.__name__:
            return "network"
        if issubclass(annotation, BaseModel):
            return "table"
        return annotation.__name__
    return str(annotation)
