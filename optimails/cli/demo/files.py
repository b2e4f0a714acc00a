"""Small attachments of every kind, made on the spot, so that no binary file lies in the repository."""

import io
import struct
import zipfile
import zlib
from datetime import datetime, timedelta
from pathlib import PurePath

MIME_TYPES = {
    ".pdf": ("application", "pdf"),
    ".png": ("image", "png"),
    ".csv": ("text", "csv"),
    ".ics": ("text", "calendar"),
    ".vcf": ("text", "vcard"),
    ".txt": ("text", "plain"),
    ".zip": ("application", "zip"),
}


def attachment(name: str, day: datetime) -> tuple[bytes, str, str]:
    """The content of an attachment of that name, and its MIME type in two halves."""
    suffix = PurePath(name).suffix
    title = PurePath(name).stem
    makers = {
        ".pdf": lambda: pdf(title),
        ".png": lambda: png(title),
        ".csv": lambda: text("Poste;Quantité;Prix", "Fibre de bois;120;96,50", "Ouate;120;71,00"),
        ".ics": lambda: calendar(title, day),
        ".vcf": lambda: text("BEGIN:VCARD", "VERSION:4.0", f"FN:{title}", "END:VCARD"),
        ".txt": lambda: text(title, "", "Lumière, bois, pierre.", "Light, wood, stone."),
        ".zip": lambda: archive(title),
    }
    return makers[suffix](), *MIME_TYPES[suffix]


def text(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def pdf(title: str) -> bytes:
    """One page with the title on it (ISO 32000-1 §7.5), small but whole: every reader opens it."""
    # The standard fonts know Latin-1 (as WinAnsiEncoding); parentheses and backslashes are escaped (§7.3.4.2).
    shown = title.replace("\N{EN DASH}", "-").encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        shown = shown.replace(special, b"\\" + special)
    page = b"BT /F1 24 Tf 72 740 Td (" + shown + b") Tj ET"
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %b >>" % fonts,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    content = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(content))
    )


def png(title: str, width: int = 320, height: int = 200) -> bytes:
    """A landscape of two colours that depend on the title (PNG, third edition, §5)."""
    seed = zlib.crc32(title.encode())
    sky, ground = (
        bytes((seed & 127) + 110 for seed in (seed, seed >> 8, seed >> 16)),
        bytes(seed >> n & 127 for n in (4, 12, 20)),
    )
    lines = b"".join(b"\0" + (sky if row < height * 2 // 3 else ground) * width for row in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def calendar(title: str, day: datetime) -> bytes:
    """An invitation for three days later at ten (RFC 5545, RFC 5546)."""
    start = (day + timedelta(days=3)).replace(hour=10, minute=0, second=0)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Optimails//Demo//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{title}-{start:%Y%m%d}@demo.test",
        f"DTSTAMP:{day:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{start:%Y%m%dT%H%M%S}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%S}",
        f"SUMMARY:{title}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return text(*lines)


def archive(title: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for number in (1, 2):
            file.writestr(f"{title} {number}.png", png(f"{title}{number}"))
    return content.getvalue()
