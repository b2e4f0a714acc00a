"""The commands that act, one function each."""

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

from sieve.language.strings import variable_name
from sieve.language.tree import Node
from sieve.language.values import bare_address, is_address
from sieve.run import flags, headers, mailto
from sieve.run.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Vacation
from sieve.run.machine import Break, Command, Machine

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code + 32: code for code in range(ord("A"), ord("Z") + 1)}
_DAY = 86_400
MAX_MAILBOX = 1_000  # characters
MAX_REASON = 65_536


def _keep(machine: Machine, node: Node) -> None:
    machine.act(Keep(machine.flags_of(node), machine.message.edited_header()))
    machine.keeps = False


def _discard(machine: Machine, _node: Node) -> None:
    machine.act(Discard())
    machine.keeps = False


def _redirect(machine: Machine, node: Node) -> None:
    address = bare_address(machine.string(node.arguments[0]))
    if not is_address(address):
        raise machine.fail(f"{address[:60]!r} is not an address")
    copy = "copy" in node.tags
    machine.act(Redirect(address, copy, machine.message.edited_header()))
    machine.keeps = machine.keeps and copy  # RFC 3894


def _fileinto(machine: Machine, node: Node) -> None:
    action = _store(machine, node, machine.string(node.arguments[0]))
    machine.act(action)
    machine.keeps = machine.keeps and action.copy


def _store(machine: Machine, node: Node, mailbox: str) -> FileInto:
    if not mailbox or len(mailbox) > MAX_MAILBOX or any(character in mailbox for character in "\0\r\n"):
        raise machine.fail(f"{mailbox[:60]!r} is not the name of a mailbox")
    return FileInto(
        mailbox,
        machine.flags_of(node),
        "copy" in node.tags,
        "create" in node.tags,
        machine.optional(node, "specialuse") or "",
        machine.optional(node, "mailboxid") or "",
        machine.message.edited_header(),
    )


def _fcc(machine: Machine, node: Node) -> FileInto | None:
    """RFC 8580 §3: flags are those of ``:flags`` alone."""
    if "fcc" not in node.tags:
        return None
    given = node.tags.get("flags")
    chosen = () if given is None else flags.normal(machine.strings(given))
    stored = _store(machine, node, machine.string(node.tags["fcc"]))
    return FileInto(stored.mailbox, chosen, False, stored.create, stored.special_use, stored.mailbox_id)


def _reject(machine: Machine, node: Node) -> None:
    machine.act(Reject(machine.string(node.arguments[0])[:MAX_REASON], node.name == "ereject"))
    machine.keeps = False


def _set(machine: Machine, node: Node) -> None:
    name = variable_name(str(node.arguments[0]))
    machine.set_variable(name, _changed(node, machine.string(node.arguments[1])))


def _changed(node: Node, text: str) -> str:
    """The modifiers, in the order of their precedence (RFC 5229 §4.1, RFC 5435 §6)."""
    tags = node.tags
    if "case" in tags:
        text = text.translate(_LOWER if tags["case"] == "lower" else _UPPER)
    if "capital" in tags:
        text = text[:1].translate(_LOWER if tags["capital"] == "lowerfirst" else _UPPER) + text[1:]
    if "quote" in tags:
        special = "\\*?" if tags["quote"] == "quotewildcard" else "\\*?.[]^$|+(){}"
        text = "".join("\\" + character if character in special else character for character in text)
    if "encode" in tags:
        text = quote(text, safe="-._~")
    return str(len(text)) if "length" in tags else text


def _change_flags(machine: Machine, node: Node) -> None:
    """RFC 5232 §3: the internal variable, or a variable of the script."""
    given = flags.normal(machine.strings(node.arguments[-1]))
    variable = None
    if len(node.arguments) == 2:
        variable = variable_name(machine.string(node.arguments[0]))
    before = machine.flags if variable is None else flags.normal([machine.variable(variable)])
    match node.name:
        case "setflag":
            after = given
        case "addflag":
            after = flags.normal([*before, *given])
        case _:
            after = flags.without(before, given)
    if variable is None:
        machine.flags = after
    else:
        machine.set_variable(variable, " ".join(after))


def _vacation(machine: Machine, node: Node) -> None:
    limits, tags = machine.limits, node.tags
    reason = machine.string(node.arguments[0])[:MAX_REASON]
    if tags.get("period") == "seconds":
        asked = int(str(tags["seconds"]))
        seconds = 0 if asked == 0 else max(asked, limits.vacation_least)
    else:
        seconds = max(int(str(tags.get("days", 7))), 1) * _DAY
    subject, sender, handle = (machine.optional(node, tag) for tag in ("subject", "from", "handle"))
    if sender is not None and not is_address(bare_address(sender)):
        raise machine.fail(f":from {sender[:60]!r} is not an address")
    addresses = tuple(machine.strings(tags["addresses"])) if "addresses" in tags else ()
    if handle is None:
        handle = _digest([reason, subject or "", sender or "", str("mime" in tags)])  # RFC 5230 §4.2
    machine.act(
        Vacation(
            reason,
            min(seconds, limits.vacation_most),
            handle,
            subject,
            sender,
            addresses,
            "mime" in tags,
            _fcc(machine, node),
        )
    )


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:32]


def _notify(machine: Machine, node: Node) -> None:
    method = machine.string(node.arguments[0])
    if not mailto.is_valid(method):
        raise machine.fail(f"{method[:60]!r} cannot be notified")
    importance = machine.optional(node, "importance") or "2"
    machine.act(
        Notify(
            method,
            machine.optional(node, "message"),
            int(importance) if importance in ("1", "2", "3") else 2,
            machine.optional(node, "from"),
            tuple(machine.strings(node.tags["options"])) if "options" in node.tags else (),
            _fcc(machine, node),
        )
    )


def _global(machine: Machine, node: Node) -> None:
    machine.frame.global_names.update(name.lower() for name in machine.strings(node.arguments[0]))


def _error(machine: Machine, node: Node) -> None:
    raise machine.fail(machine.string(node.arguments[0])[:500])


def _foreverypart(machine: Machine, node: Node) -> None:
    """RFC 5703 §3: the message and every part; within another loop, what the part of that one holds."""
    outer = machine.part
    message = machine.message
    parts = iter(message.descend(outer or message.root))
    if outer is not None:
        next(parts)
    try:
        for part in parts:
            machine.part = part
            machine.charge(100)
            machine.commands(node.block)
    except Break as wanted:
        name = wanted.args[0]
        if name and name != node.tags.get("name"):
            raise
    finally:
        machine.part = outer


def _break(machine: Machine, node: Node) -> None:
    raise Break(machine.optional(node, "name") or "")


def _extracttext(machine: Machine, node: Node) -> None:
    """RFC 5703 §7."""
    assert machine.part is not None
    limit = 8 * machine.limits.variable
    text = "" if machine.part.children else machine.message.part_text(machine.part, limit)
    machine.charge(limit)
    if isinstance(first := node.tags.get("first"), int) and not isinstance(first, bool):
        text = text[:first]
    machine.set_variable(variable_name(str(node.arguments[0])), _changed(node, text))


COMMANDS: dict[str, Command] = {
    "keep": _keep,
    "discard": _discard,
    "redirect": _redirect,
    "fileinto": _fileinto,
    "reject": _reject,
    "ereject": _reject,
    "set": _set,
    "setflag": _change_flags,
    "addflag": _change_flags,
    "removeflag": _change_flags,
    "vacation": _vacation,
    "notify": _notify,
    "addheader": headers.add,
    "deleteheader": headers.delete,
    "global": _global,
    "error": _error,
    "foreverypart": _foreverypart,
    "break": _break,
    "extracttext": _extracttext,
}
