"""One message on its way in: its envelope and its content."""

from optimails.authentication import Authentication
from optimails.delivery.api import Delivery
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.unique import token
from optimails.queue.api import Body, QueuedRecipient
from smtp.milter.chain import Filtering
from smtp.wire.commands import Mail
from smtp.wire.content import ChunkReader, DotReader, bare_line_ends, with_line_ends


class Transaction:
    """From MAIL to the answer after the content."""

    __slots__ = (
        "authentication",
        "bare",
        "chunks",
        "destined",
        "discarded",
        "disowned",
        "filtering",
        "fingerprint",
        "full_disk",
        "hold",
        "identifier",
        "junk",
        "known",
        "limit",
        "mail",
        "reader",
        "recipients",
        "repair",
        "size",
        "spool",
        "wishes",
    )

    def __init__(self, mail: Mail, limit: int, *, repair: bool) -> None:
        self.mail = mail
        self.limit = limit
        self.repair = repair
        self.recipients: list[EmailAddress] = []  # as accepted, one entry for each RCPT
        self.known: dict[EmailAddress, Resolution] = {}
        self.wishes: dict[EmailAddress, QueuedRecipient] = {}  # what the sender wants to hear (RFC 3461)
        self.reader: DotReader | ChunkReader | None = None
        self.chunks: ChunkReader | None = None  # stays between two chunks, when nothing is being read
        self.spool: Spool | None = None
        self.size = 0  # bytes of content as it is kept, also those that were not kept
        self.bare = False  # a CR or LF stood alone, and may not
        self.full_disk = False
        self.identifier = token(8)  # its name in our log, our answer, the Received line
        self.filtering: Filtering | None = None  # the filters that look at it
        self.destined: tuple[EmailAddress, ...] | None = None  # for whom it is now, when a filter changed that
        self.discarded = False  # a filter wants it thrown away, and nobody told
        self.junk = False  # a filter puts it into quarantine
        self.hold = ""  # why it waits in the queue until somebody looks at it
        self.fingerprint = b""  # of what came, when a filter made another message of it
        self.authentication: Authentication | None = None
        self.disowned: frozenset[EmailAddress] = frozenset()  # recipients who find it in junk (DMARC)

    def begin(self, reader: DotReader | ChunkReader, delivery: Delivery) -> None:
        """The content starts."""
        self.reader = reader
        self.spool = delivery.spool()

    @property
    def binary(self) -> bool:
        """Whether it may be anything, and is converted when it is complete (``smtp.session.binary``)."""
        return self.mail.body is Body.BINARY

    @property
    def too_big(self) -> bool:
        return self.size > self.limit

    def write(self, piece: bytes) -> None:
        """The next piece of content. What makes the message unacceptable is noted; it is answered at the end."""
        bare = not self.binary and bare_line_ends(piece)
        if bare and self.repair:
            piece = with_line_ends(piece)
        self.size += len(piece)
        if self.size > self.limit or self.full_disk or not piece or self.spool is None:
            if self.too_big and self.spool is not None and self.spool.size:
                self.forget()
            return
        if bare and not self.repair:
            self.bare = True
            return
        try:
            self.spool.write(piece)
        except Unavailable:
            self.full_disk = True
            self.forget()

    def forget(self) -> None:
        """Give back memory and disk."""
        if self.spool is not None:
            self.spool.close()
            self.spool = None

    def close(self) -> None:
        """It is over: answered, or given up."""
        self.forget()
        if self.filtering is not None:
            self.filtering.close()
