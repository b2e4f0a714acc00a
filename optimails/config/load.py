"""Reading the configuration: file, environment, and errors that say where and what."""

import difflib
import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from optimails.config.root import Config

PREFIX = "OPTIMAILS__"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has one line for each thing that is wrong."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = problems


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration of a file, with overrides from the environment.

    ``OPTIMAILS__SERVER__HOSTNAME=mail.example`` sets ``hostname`` of ``[server]``; ``OPTIMAILS__LISTENER__0__ADDRESS``
    that of the first listener. Lists and tables are written as in TOML.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key or value is wrong.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as wrong:
        raise ConfigError(str(path), [f"cannot be read: {wrong.strerror}"]) from wrong
    except UnicodeDecodeError as wrong:
        raise ConfigError(str(path), [f"is not UTF-8 text (byte {wrong.start})"]) from wrong
    return parse(text, path, environ)


def parse(text: str, path: Path, environ: Mapping[str, str]) -> Config:
    """As ``load``, for text that is to stand in ``path`` (relative paths start from its folder)."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ConfigError(str(path), [f"is not valid TOML: {wrong}"]) from wrong
    from_environment = _override(values, environ)
    try:
        return Config.model_validate(values, context={"folder": path.parent.absolute()})
    except ValidationError as wrong:
        # A misspelt key is one mistake, though the model also misses the right one: unknown keys come first.
        errors = sorted(wrong.errors(), key=lambda error: error["type"] != "extra_forbidden")
        misspelt = {
            (*error["loc"][:-1], _nearest(error["loc"])) for error in errors if error["type"] == "extra_forbidden"
        }
        errors = [error for error in errors if error["type"] != "missing" or error["loc"] not in misspelt]
        problems = [_explain(error, from_environment) for error in errors]
        raise ConfigError(str(path), list(dict.fromkeys(problems))) from None


def _override(values: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str | int, ...], str]:
    """Put the environment's values into the tables; gives the variable behind each key path."""
    origin: dict[tuple[str | int, ...], str] = {}
    for variable, text in sorted(environ.items()):
        if not variable.upper().startswith(PREFIX):
            continue
        path: list[str | int] = [
            int(step) if step.isdigit() else step for step in variable[len(PREFIX) :].lower().split("__")
        ]
        table: Any = values
        for step, following in itertools.pairwise(path):
            if isinstance(table, list) and isinstance(step, int):
                if step > len(table):
                    break
                if step == len(table):
                    table.append({})
                table = table[step]
            elif isinstance(table, dict):
                table = table.setdefault(str(step), [] if isinstance(following, int) else {})
            else:
                break
        else:
            if isinstance(table, dict):
                table[str(path[-1])] = _value(text)
                origin[tuple(path)] = variable
                continue
        raise ConfigError(variable, ["names no key of the configuration"])
    return origin


def _value(text: str) -> Any:
    """Lists and tables as in TOML; everything else stays text, which the key's type then reads."""
    if text[:1] in ("[", "{"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            pass
    return text


def _explain(error: ErrorDetails, origin: Mapping[tuple[str | int, ...], str]) -> str:
    place = tuple(error["loc"])
    variable = origin.get(place)
    if error["type"] == "extra_forbidden":
        sentence = _unknown(place)
    elif error["type"] == "missing":
        sentence = f"{_table(place[:-1])} {place[-1]}: is missing"
    else:
        sentence = f"{_key(place)}: {_expectation(error)}"
    return f"{sentence} (from the environment variable {variable})" if variable else sentence


def _table(place: tuple[str | int, ...]) -> str:
    """``[server]``, or ``[[listener]] number 2``."""
    if not place:
        return "the file"
    if len(place) > 1 and isinstance(place[1], int):
        return f"[[{place[0]}]] number {place[1] + 1}"
    return f"[{place[0]}]"


def _key(place: tuple[str | int, ...]) -> str:
    in_list = len(place) > 1 and isinstance(place[1], int)
    table, key = place[: 2 if in_list else 1], place[2 if in_list else 1 :]
    dotted = ".".join(str(step) for step in key if not (isinstance(step, str) and "[" in step))
    return f"{_table(table)} {dotted}".strip() if table else "the file"


def _nearest(place: tuple[str | int, ...]) -> str | None:
    """The key of that table which is spelt most alike."""
    model = _model(place[:-1])
    near = difflib.get_close_matches(str(place[-1]), list(model.model_fields) if model else [], n=1, cutoff=0.6)
    return near[0] if near else None


def _unknown(place: tuple[str | int, ...]) -> str:
    """Names the table, and the nearest key that exists there or the table where the key does exist."""
    key = str(place[-1])
    model = _model(place[:-1])
    known = list(model.model_fields) if model else []
    what = f"unknown table [{key}]" if model is Config else f'{_table(place[:-1])} unknown key "{key}"'
    if near := _nearest(place):
        return f'{what}; did you mean "{near}"?'
    homes = [name for name in Config.model_fields if key in (getattr(_model((name,)), "model_fields", None) or {})]
    if homes:
        return f"{what}; there is such a key in [{'], ['.join(homes)}]"
    return f"{what}; known are: {', '.join(known)}" if known else what


def _model(place: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that a key path leads to."""
    model: type[BaseModel] = Config
    for step in place:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        found = _models_in(field.annotation) if field else []
        if not found:
            return None
        model = found[0]
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "path_type": "a path in quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
}


def _expectation(error: ErrorDetails) -> str:
    kind, given = error["type"], error["input"]
    details = error.get("ctx", {})
    shown = (
        f"{given!r}"[:80] if not isinstance(given, dict | list) else "a table" if isinstance(given, dict) else "a list"
    )
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {shown}"
    if kind == "enum":
        near = difflib.get_close_matches(
            str(given), details["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        )
        return f"must be {details['expected']}, not {shown}" + (f'; did you mean "{near[0]}"?' if near else "")
    if kind == "greater_than_equal":
        return f"must be at least {details['ge']}, not {shown}"
    if kind == "less_than_equal":
        return f"must be at most {details['le']}, not {shown}"
    if kind == "value_error":
        return str(details["error"])
    message = error["msg"]
    return f"{message[0].lower()}{message[1:]}, not {shown}"
