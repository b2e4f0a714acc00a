"""A small name server on loopback with the records that a test wants: answers, no answers, failures, the AD bit."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL, SILENCE = "SERVFAIL", "SILENCE"


class LocalDns:
    """``zone`` is (name, type) → texts of records, or SERVFAIL, or SILENCE. It may be changed while running.

    A name exists when any of its types stands there. ``secure`` names get the AD bit; ``"*"``: all.
    """

    def __init__(
        self,
        zone: dict[tuple[str, str], Any],
        secure: set[str] | None = None,
        ttl: int = 300,
        place: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.zone = dict(zone)
        self.secure = secure or set()
        self.ttl = ttl
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(place)
        self.host, self.port = self._socket.getsockname()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"stop", (self.host, self.port))
        self._thread.join(5)
        self.close()

    def close(self) -> None:
        """Of one that was never started."""
        self._socket.close()

    def _run(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if data == b"stop":
                return
            try:
                answer = self._answer(dns.message.from_wire(data))
            except dns.exception.DNSException:
                continue
            if answer is not None:
                self._socket.sendto(answer.to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query, recursion_available=True)
        if "*" in self.secure or name in self.secure:
            response.flags |= dns.flags.AD
        for _ in range(8):
            found = self.zone.get((name, kind))
            if found == SILENCE:
                return None
            if found == SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
                return response
            if found:
                response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", kind, *found))
                return response
            alias = self.zone.get((name, "CNAME"))
            if not alias:
                break
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".").lower()
        if not any(owner == name or owner.endswith(f".{name}") for owner, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns.{name}. hostmaster.{name}. 1 3600 600 86400 {self.ttl}"
        response.authority.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "SOA", soa))
        return response


@contextmanager
def local_dns(zone: dict[tuple[str, str], Any], **settings: Any) -> Iterator[LocalDns]:
    """One that runs."""
    server = LocalDns(zone, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
