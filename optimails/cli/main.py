"""The program ``optimails``: reads the line, runs one command, turns every error into one line and an exit code."""

import json
import logging
import sys
import traceback
from importlib import import_module
from pathlib import Path

import click

from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import Group, option, say, translate_click
from optimails.cli.refusals import PROBLEM, system_reason, translated

# In the order a new user meets them; the value is module:attribute.
COMMANDS = {
    "init": "optimails.cli.start:init",
    "serve": "optimails.cli.start:serve",
    "demo": "optimails.cli.demo.command:demo",
    "domain": "optimails.cli.domains:domain",
    "account": "optimails.cli.accounts:account",
    "alias": "optimails.cli.aliases:alias",
    "acl": "optimails.cli.acl:acl",
    "share": "optimails.cli.share:share",
    "delegate": "optimails.cli.delegate:delegate",
    "sieve": "optimails.cli.sieve_stored:sieve",
    "list": "optimails.cli.lists:list_",
    "collect": "optimails.cli.collect:collect",
    "queue": "optimails.cli.queue:queue",
    "antivirus": "optimails.cli.antivirus:antivirus",
    "policy": "optimails.cli.policies:policy",
    "quarantine": "optimails.cli.quarantine:quarantine",
    "spam": "optimails.cli.spam:spam",
    "track": "optimails.cli.track:track",
    "stats": "optimails.cli.stats:stats",
    "plan": "optimails.cli.plans:plan",
    "quota": "optimails.cli.quota:quota",
    "import": "optimails.cli.transfer:import_",
    "export": "optimails.cli.transfer:export",
    "undelete": "optimails.cli.undelete:undelete",
    "calendar": "optimails.cli.scheduling:calendar",
    "resource": "optimails.cli.resources:resource",
    "contacts": "optimails.cli.groupware_deleted:contacts",
    "doctor": "optimails.cli.doctor:doctor",
    "log": "optimails.cli.audit:log",
    "config": "optimails.cli.configuration:config",
    "version": "optimails.cli.start:version",
}


class Root(Group):
    """The program itself; a command's module is imported when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found


def program() -> Root:
    """The whole command tree, in the language of this run."""
    translate_click()

    @option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE")
    @click.pass_context
    def start(context: click.Context, config_file: Path | None) -> None:
        context.obj = App(context, config_file)

    root = Root(
        callback=start,
        help=say("cli.help.program"),
        epilog=say("cli.help.epilog"),
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    root.params = [*getattr(start, "__click_params__", []), *root.params]
    return root


def main() -> None:
    """Entry point of the installed program."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; gives the exit code."""
    debug, as_json = "--debug" in arguments, "--json" in arguments
    # What the parts below log is for a service's log; here it would stand between the lines of the answer.
    logging.getLogger().addHandler(logging.StreamHandler() if debug else logging.NullHandler())
    try:
        outcome = program().main(arguments, prog_name="optimails", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
        return Exit.USAGE
    except click.UsageError as wrong:
        if as_json:
            return _failed("usage", wrong.format_message(), Exit.USAGE, as_json)
        wrong.show()
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(say("cli.interrupted"), err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; leave nothing for the interpreter to flush at exit.
        sys.stdout = None
        return Exit.OK
    except Exception as wrong:  # noqa: BLE001 - the last line of defence: a user never sees a traceback unasked
        if debug:
            traceback.print_exc()
        return _failed(*_explained(wrong), as_json)
    return outcome if isinstance(outcome, int) else Exit.OK


def _explained(wrong: Exception) -> tuple[str, str, Exit]:
    """A short name for scripts, the line for people, the exit code."""
    from optimails.config import ConfigError  # noqa: PLC0415 - when needed
    from optimails.model.errors import BadSyntax, Refused, Unavailable  # noqa: PLC0415 - when needed

    match wrong:
        case CommandFailed():
            return wrong.key.rpartition(".")[2], str(wrong), wrong.code
        case ConfigError():
            lines = (
                say("cli.problem.line", source=wrong.source, problem=translated(problem, PROBLEM))
                for problem in wrong.problems
            )
            return "config", say("cli.error.config", problems="\n".join(lines)), Exit.REFUSED
        case Refused():
            return wrong.reason.value.lower(), say("cli.error.refused", reason=translated(str(wrong))), Exit.REFUSED
        case BadSyntax():
            return "bad_value", say("cli.error.refused", reason=translated(str(wrong))), Exit.REFUSED
        case Unavailable():
            return (
                "unavailable",
                say("cli.error.unavailable", reason=translated(str(wrong).rstrip("."))),
                Exit.TEMPORARY,
            )
        case PermissionError():
            return "permission", say("cli.error.permission", path=wrong.filename or "?"), Exit.REFUSED
        case OSError():
            place = wrong.filename or ""
            reason = system_reason(wrong.errno, str(wrong))
            return "system", say("cli.error.system", path=place, reason=reason), Exit.REFUSED
        case _:
            kind = type(wrong).__name__
            return "bug", say("cli.error.bug", kind=kind, reason=str(wrong).partition("\n")[0]), Exit.REFUSED


def _failed(name: str, sentence: str, code: Exit, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"error": {"code": name, "message": sentence}}, ensure_ascii=False), err=True)
    else:
        click.echo(f"optimails: {sentence}", err=True)
    return code


if __name__ == "__main__":
    main()
