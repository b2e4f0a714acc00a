"""Click, dressed for us: help and messages in the user's language, ``--json`` and ``--debug`` at any place."""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, Final

import click
from click import core, decorators, exceptions, formatting, parser, termui, types

from optimails.texts import catalogue, preferred, text


@cache
def language() -> str:
    """The language of this run of the program."""
    return preferred()


def say(key: str, **values: object) -> str:
    """The text of that key in the language of this run."""
    return text(key, language(), **values)


def translate_click() -> None:
    """Have click speak the language of this run.

    Click asks gettext for its few sentences under the name ``_``. Compiled gettext catalogues would be a second place
    for texts, so the table ``[click]`` of ours answers instead: the English entry is click's own sentence.
    """
    own = language()
    english = {key: value for key, value in catalogue("en").items() if key.startswith("click.")}
    sentences = {sentence: catalogue(own)[key] for key, sentence in english.items()}

    def one(sentence: str) -> str:
        return sentences.get(sentence, sentence)

    def counted(singular: str, plural: str, count: int) -> str:
        return one(singular if count == 1 else plural)

    modules: tuple[ModuleType, ...] = (core, decorators, exceptions, formatting, parser, termui, types)
    for module in modules:
        for name, function in (("_", one), ("ngettext", counted)):
            if name in module.__dict__:
                module.__dict__[name] = function


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and parameter.name:
        context.find_root().meta[parameter.name] = True


def _everywhere() -> list[click.Parameter]:
    """Options that every command and group has, so that their place on the line does not matter."""
    switches = [("--json", "json_output"), ("--debug", "debug")]
    return [
        click.Option(
            [spelling, name],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_remember,
            help=say(f"cli.option.{name}"),
        )
        for spelling, name in switches
    ]


class _InFull(click.Command):
    """Lists of commands show the whole first sentence; click would cut it at 45 characters."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - click's signature
        return (self.help or "").partition("\n")[0]


class Command(_InFull):
    """A command whose help is the text ``cli.help.<its path>``."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params = [*self.params, *_everywhere()]

    def invoke(self, ctx: click.Context) -> Any:
        from optimails.cli.audit import note  # noqa: PLC0415 - it is built of this module

        note(ctx.obj, ctx.command_path.partition(" ")[2], ctx.params)
        return super().invoke(ctx)


class Group(_InFull, click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params = [*self.params, *_everywhere()]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order they were defined, which is the order of learning."""
        return list(self.commands)


Group.group_class = Group

PARENT_HELP: Final = "cli.help."


def group(name: str) -> Group:
    """An empty group; its help is the text ``cli.help.<name>``."""
    return Group(name, help=say(PARENT_HELP + name.replace("-", "_")), no_args_is_help=True)


def command(parent: Group, name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Define a command of a group; its help is ``cli.help.<group>_<name>``."""
    prefix = f"{parent.name}_" if parent.name else ""
    help_text = say(PARENT_HELP + (prefix + name).replace("-", "_"))
    return parent.command(name, cls=Command, help=help_text)


def option(*declarations: str, text_key: str = "", **settings: Any) -> Callable[[Any], Any]:
    """A click option whose help is ``cli.option.<name>`` (the name of its long form)."""
    long_form = next(word for word in declarations if word.startswith("--"))
    key = text_key or long_form.removeprefix("--").partition("/")[0].replace("-", "_")
    return click.option(*declarations, help=say(f"cli.option.{key}"), **settings)


def argument(name: str, *, text_key: str = "", **settings: Any) -> Callable[[Any], Any]:
    """A click argument whose help is ``cli.argument.<name>``."""
    return click.argument(name, help=say(f"cli.argument.{text_key or name}"), **settings)
