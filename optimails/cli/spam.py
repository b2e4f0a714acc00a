"""``optimails spam``: why a message counts as spam or not, and what a domain's people teach the filter."""

import time
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.audit import actor
from optimails.cli.errors import CommandFailed
from optimails.cli.filtering import shows
from optimails.cli.frame import argument, option, say
from optimails.cli.output import print_json

if TYPE_CHECKING:
    from securemail.antispam.memory import Memory

spam = frame.group("spam")
_MOST = 64 * 2**20  # bytes of a message that is read


@frame.command(spam, "judge")
@argument("file", type=click.File("rb"), text_key="spam_file")
@option("--domain", default="", text_key="spam_domain")
@click.pass_obj
def judge(app: App, file: Any, domain: str) -> None:
    """Show what the antispam finds in a message, and what it says at each position of the spamentiomètre."""
    from securemail.analysis import analyse  # noqa: PLC0415 - when needed
    from securemail.antispam.memory import memory_path  # noqa: PLC0415 - when needed
    from securemail.context import Context  # noqa: PLC0415 - when needed
    from securemail.policy.dial import POSITIONS, sureness  # noqa: PLC0415 - when needed
    from securemail.techniques import all_analysers  # noqa: PLC0415 - when needed

    context = Context()
    if domain:
        name = _domain(app, domain)
        context = Context(domains=frozenset({name}), memory=str(memory_path(app.own_data(), name)))
    findings = analyse(file.read(_MOST), context, all_analysers()).findings
    facts = sorted(findings.facts, key=lambda fact: -abs(fact.weight))
    rows = [
        {"symbol": fact.symbol, "weight": round(fact.weight, 2), "meaning": meaning(fact.symbol),
         "evidence": list(fact.evidence), "analyser": fact.analyser, "version": fact.version}
        for fact in facts
    ]  # fmt: skip
    says = {str(position): sureness(findings.spam, position).value for position in POSITIONS}
    if app.json:
        kind = findings.mail_class.value if findings.mail_class else None
        print_json({"probability": findings.spam, "class": kind, "positions": says, "facts": rows})
        return
    click.echo(say("cli.spam.probability", percent=f"{100 * findings.spam:.2f}"))
    if findings.mail_class:
        click.echo(say("cli.spam.class", name=findings.mail_class.value))
    for position, word in says.items():
        click.echo(say("cli.spam.position", position=position, spam=say(f"filter.spam.{word}")))
    click.echo()
    app.rows(("symbol", "weight", "meaning", "evidence"), rows, {"evidence": "; ".join})


@frame.command(spam, "learn")
@argument("files", type=click.File("rb"), nargs=-1, required=True, text_key="spam_files")
@option("--domain", required=True, text_key="spam_domain")
@option("--as", "kind", type=click.Choice(("spam", "ham")), required=True, text_key="spam_as")
@click.pass_obj
def learn(app: App, files: tuple[Any, ...], domain: str, kind: str) -> None:
    """Teach the filter messages as spam or as good mail, for one domain; every report can be taken back."""
    from securemail.examined import Examined  # noqa: PLC0415 - when needed

    memory = _memory(app, domain)
    numbers = []
    for file in files:
        report = memory.report(Examined(file.read(_MOST)), spam=kind == "spam", at=time.time(), who=actor())
        numbers.append(report.id)
    app.done("cli.spam.learnt", {"reports": numbers}, count=len(numbers))


@frame.command(spam, "reports")
@option("--domain", required=True, text_key="spam_domain")
@option("--limit", type=click.IntRange(1, 10_000), default=50, text_key="spam_limit")
@click.pass_obj
def reports(app: App, domain: str, limit: int) -> None:
    """List what a domain's people have reported, the newest first."""
    rows = [
        {
            "id": one.id,
            "learnt_as": "spam" if one.spam else "ham",
            "changed": one.at,
            "actor": one.who,
            "subject": one.subject,
        }
        for one in _memory(app, domain).reports(limit)
    ]  # fmt: skip
    app.rows(("id", "learnt_as", "changed", "actor", "subject"), rows, shows(app))


@frame.command(spam, "unlearn")
@argument("numbers", metavar="REPORT...", type=int, nargs=-1, required=True, text_key="spam_report")
@option("--domain", required=True, text_key="spam_domain")
@click.pass_obj
def unlearn(app: App, numbers: tuple[int, ...], domain: str) -> None:
    """Take reports back, as if they had never been made."""
    memory = _memory(app, domain)
    missing = [number for number in numbers if not memory.take_back(number)]
    if missing:
        raise CommandFailed("cli.error.spam_no_report", number=missing[0], domain=domain)
    app.done("cli.spam.unlearnt", count=len(numbers))


def meaning(symbol: str) -> str:
    """What a symbol says to people; the symbol itself where it has no text."""
    try:
        return say(f"filter.symbol.{symbol.lower()}")
    except KeyError:
        return symbol


def _domain(app: App, name: str) -> str:
    """A domain of this service."""
    from optimails.model.address import domain_name  # noqa: PLC0415 - when needed
    from optimails.model.errors import BadSyntax  # noqa: PLC0415 - when needed

    try:
        wanted = domain_name(name)
    except BadSyntax:
        wanted = ""
    if wanted not in {one.name for one in app.admin.domain_list()}:
        raise CommandFailed("cli.error.spam_domain", domain=name)
    return wanted


def _memory(app: App, domain: str) -> "Memory":
    from securemail.antispam.memory import Memory, memory_path  # noqa: PLC0415 - when needed

    return Memory(memory_path(app.own_data(), _domain(app, domain)))
