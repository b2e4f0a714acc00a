"""An SMTP envelope as the ledger keeps it, and back: what delivery needs, whenever it comes to that."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from optimails.authentication import Authentication, Policy
from optimails.authentication.results import Arc, Dkim, Dmarc, Result, Spf
from optimails.delivery.api import SmtpEnvelope
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.queue.api import Body, Notify, QueuedRecipient, Ret

_PLAIN = ("smtputf8", "trusted", "via", "envid", "priority", "require_tls", "deliver_by", "tell_at", "not_before",
          "junk", "client", "client_name", "helo")  # fmt: skip


def written(envelope: SmtpEnvelope) -> dict[str, Any]:
    """As values of JSON; the sender and the recipients stand in the ledger already."""
    return {
        **{name: getattr(envelope, name) for name in _PLAIN},
        "body": envelope.body.value,
        "ret": envelope.ret.value if envelope.ret else None,
        "account": envelope.account.id if envelope.account else None,
        "disowned": [str(one) for one in envelope.disowned],
        "fingerprint": envelope.fingerprint.hex(),
        "wishes": {
            str(who): {"notify": None if wish.notify is None else sorted(wish.notify), "orcpt": wish.orcpt}
            for who, wish in envelope.wishes.items()
        },
        "authentication": asdict(envelope.authentication) if envelope.authentication else None,
    }


def read(
    values: Mapping[str, Any], sender: str, recipients: Sequence[EmailAddress], account: Account | None
) -> SmtpEnvelope:
    """The envelope for some of its recipients; ``account`` is who sent it, as he is now."""
    names = {str(one): one for one in recipients}
    return SmtpEnvelope(
        EmailAddress.parse(sender) if sender else None,
        tuple(recipients),
        body=Body(values["body"]),
        ret=Ret(values["ret"]) if values["ret"] else None,
        account=account,
        disowned=frozenset(names[one] for one in values["disowned"] if one in names),
        fingerprint=bytes.fromhex(values["fingerprint"]),
        wishes={
            names[who]: QueuedRecipient(
                names[who],
                None if wish["notify"] is None else frozenset(Notify(one) for one in wish["notify"]),
                wish["orcpt"],
            )
            for who, wish in values["wishes"].items()
            if who in names
        },
        authentication=authentication(values["authentication"]),
        **{name: values[name] for name in _PLAIN},
    )


def authentication(values: Mapping[str, Any] | None) -> Authentication | None:
    """What was found of the sender."""
    if values is None:
        return None

    def result(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "result": Result(row["result"])}

    dmarc, arc = result(values["dmarc"]), result(values["arc"])
    dmarc |= {name: Policy(dmarc[name]) for name in ("policy", "disposition")}
    arc |= {name: tuple(arc[name]) for name in ("sealers", "assessments")}
    return Authentication(
        values["remote"],
        tuple(Spf(**result(one)) for one in values["spf"]),
        tuple(Dkim(**result(one)) for one in values["dkim"]),
        Dmarc(**dmarc),
        Arc(**arc),
    )
