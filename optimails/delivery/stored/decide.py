"""What scripts want of one stored message (RFC 6785 §3). Pure apart from the message's file; runs in a thread.

A keep leaves the message where it is, with the flags that the script says; without a keep it is to go. To file it into
the mailbox where it is, is a keep, too. ``reject`` and ``vacation`` answer a delivery, and here is none: they are
errors, and so is whatever the interpreter says; then the message is left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optimails.delivery import automatic
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from sieve.language import Limits, Script
from sieve.language.values import bare_address
from sieve.run import Message, ScriptFailed, flags, run
from sieve.run.actions import Action, Discard, FileInto, Keep, Notify, Redirect, Reject, Remember, Vacation
from sieve.run.environment import Envelope, Environment


class RunFailed(Exception):
    """Nothing of what the scripts wanted is to be done."""

    def __init__(self, label: str, why: str) -> None:
        super().__init__(why)
        self.label = label


@dataclass(slots=True)
class Wish:
    """For one message; carrying it out changes ``kept`` when something fails that the message must not be lost by."""

    uid: int
    before: frozenset[str]  # flags
    body_at: int = 0
    kept: bool = True
    flags: frozenset[str] = frozenset()  # when it is kept
    files: list[FileInto] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    notes: list[tuple[Notify, tuple[str, ...], bytes]] = field(default_factory=list)
    remember: list[Remember] = field(default_factory=list)
    loops: frozenset[str] = frozenset()  # who redirected it already
    problem: str = ""

    @property
    def changes(self) -> tuple[frozenset[str], frozenset[str]]:
        """Flags to set, and to remove."""
        return difference(self.before, self.flags)


def difference(before: frozenset[str], after: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What to set and what to remove, without regard to case."""
    have, want = {name.lower() for name in before}, {name.lower() for name in after}
    return (
        frozenset(name for name in after if name.lower() not in have),
        frozenset(name for name in before if name.lower() not in want),
    )


def envelope_of(message: Message, account: Account) -> Envelope:
    """As delivery noted it: the envelope itself is long gone."""
    sender, recipient = "", str(account.address)
    for name in ("return-path", "delivered-to"):
        fields = message.named(name)
        address = bare_address(fields[0].text) if fields else ""
        try:
            EmailAddress.parse(address)
        except BadSyntax:
            continue
        if name == "return-path":
            sender = address
        else:
            recipient = address
    return Envelope(sender, recipient)


def decide(  # noqa: PLR0913 - all that a run is made of
    scripts: Sequence[tuple[str, Script]],
    message: Message,
    world: Environment,
    limits: Limits,
    *,
    stays: Callable[[FileInto], bool],
    given: Sequence[str],
) -> list[Action]:
    """The actions of all scripts; each runs only while the one before keeps the message, and sees its flags.

    ``stays`` tells of a fileinto whether it names the mailbox where the message is.

    Raises:
        RunFailed: with the script's name.
    """
    done: list[Action] = []
    have = tuple(given)
    for number, (label, script) in enumerate(scripts, 1):
        try:
            actions = [
                Keep(action.flags) if isinstance(action, FileInto) and stays(action) else action
                for action in run(script, message, world, limits, given=have).actions
            ]
            wrong = next((action for action in actions if isinstance(action, Reject | Vacation)), None)
            if wrong is not None:
                name = type(wrong).__name__.lower()
                raise ScriptFailed(f"{name} answers a delivery, and this message is stored already")  # noqa: TRY301
        except ScriptFailed as failed:
            raise RunFailed(label, str(failed)) from failed
        keeps = [action for action in actions if isinstance(action, Keep)]
        if not keeps or number == len(scripts):
            return done + actions
        have = keeps[-1].flags
        done += [action for action in actions if not isinstance(action, Keep | Discard)]
    return done


def wish(
    uid: int,
    before: Sequence[str],
    actions: Sequence[Action],
    message: Message,
    write: Callable[[Notify], tuple[tuple[str, ...], bytes]],
) -> Wish:
    """The actions, sorted by how they are carried out; ``write`` gives recipients and content of a notification."""
    found = Wish(uid, frozenset(flags.normal(before)), message.body_at, kept=False)
    for action in actions:
        match action:
            case Keep():
                found.kept, found.flags = True, frozenset(action.flags)
            case FileInto():
                found.files.append(action)
            case Redirect():
                found.redirects.append(action)
            case Notify() if automatic.may_notify(message):
                found.notes.append((action, *write(action)))
            case Remember():
                found.remember.append(action)
    return found
