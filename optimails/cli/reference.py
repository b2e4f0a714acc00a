"""The page docs/commands.md, made from the commands themselves (in English)."""

from collections.abc import Iterator

import click

from optimails.cli.main import program

_HEAD = """# Command line

`optimails` acts at once on the data that its configuration names, also while the service runs. The configuration is
the file given by `--config`, else by `OPTIMAILS_CONFIG`, else the first of `./optimails.toml`, `./var/optimails.toml`
and `/etc/optimails/optimails.toml`.

- `--json`, at any place on the line, gives the answer as JSON on standard output, an error as JSON on standard error.
- Texts are in French or English, by the locale; `OPTIMAILS_LANG` decides before it.
- Exit codes: 0 done; 1 refused or failed; 2 the line is wrong; 3 something was found (`doctor`, `config check`) or
  skipped (`import`); 75 something needed is away for now, try again; 130 interrupted.
- An error is one line; `--debug` adds the traceback.
- Passwords are read from `--password-file FILE` (its first line; `-` is standard input); without it they are asked for
  at a terminal, else made up and shown once.
- Sizes may have a unit (`500M`, `25G`, powers of 1024); `unlimited` and, for an account, `plan` are limits, too.
- Long work shows a progress bar on standard error when that is a terminal.

This page is made from the program itself.
"""


def reference() -> str:
    """Every command with its arguments and options, as Markdown. Needs the language English."""
    root = program()
    context = click.Context(root, info_name="optimails")
    return "\n".join([_HEAD, *_pages(root, context)])


def _pages(parent: click.Group, context: click.Context) -> Iterator[str]:
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        yield from _page(command, own)
        if isinstance(command, click.Group):
            yield from _pages(command, own)


def _page(command: click.Command, context: click.Context) -> Iterator[str]:
    level = "##" if context.parent and context.parent.parent is None else "###"
    yield f"{level} `{context.command_path}`"
    yield ""
    yield command.help or ""
    yield ""
    if isinstance(command, click.Group):
        return
    pieces = " ".join(command.collect_usage_pieces(context)).replace("[OPTIONS] ", "").replace("[OPTIONS]", "").strip()
    yield f"```\n{context.command_path} {pieces}".rstrip() + "\n```"
    yield ""
    records = [record for parameter in command.params if (record := _record(parameter, context))]
    if records:
        yield from (f"- {words}: {text}" for words, text in records)
        yield ""


def _record(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    """As in --help, without what every command has."""
    if parameter.name in {"json_output", "debug"}:
        return None
    if isinstance(parameter, click.Argument):
        return f"`{parameter.make_metavar(context)}`", parameter.help or ""
    record = parameter.get_help_record(context)
    return (f"`{record[0]}`", record[1]) if record else None
