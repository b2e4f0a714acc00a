"""What a file is, by its first bytes and its inside; names are only compared with that.

A table of our own: what a policy calls an executable is ours to say, and the answer may not depend on a library's
guess from the name.
"""

import re
from typing import NamedTuple

from securemail.case import FileKind
from securemail.structure.names import extension, kind_by_name

HEAD = 4_096  # bytes that are looked at


class FileType(NamedTuple):
    media: str
    kind: FileKind


def _of(kind: FileKind, *rows: tuple[bytes, str]) -> list[tuple[bytes, FileType]]:
    return [(magic, FileType(media, kind)) for magic, media in rows]


_MAGIC = [
    *_of(
        FileKind.EXECUTABLE,
        (b"MZ", "application/x-dosexec"),
        (b"\x7fELF", "application/x-elf"),
        (b"\xca\xfe\xba\xbe", "application/x-mach-binary"),
        (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
        (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
        (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
        (b"dex\n03", "application/x-dex"),
        (b"\x00asm", "application/wasm"),
        (b"!<arch>\ndebian", "application/vnd.debian.binary-package"),
        (b"\xed\xab\xee\xdb", "application/x-rpm"),
        (b"ITSF\x03\x00\x00\x00", "application/vnd.ms-htmlhelp"),
    ),
    *_of(
        FileKind.ARCHIVE,
        (b"Rar!\x1a\x07", "application/vnd.rar"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"\x1f\x8b", "application/gzip"),
        (b"BZh", "application/x-bzip2"),
        (b"\xfd7zXZ\x00", "application/x-xz"),
        (b"\x28\xb5\x2f\xfd", "application/zstd"),
        (b"MSCF", "application/vnd.ms-cab-compressed"),
        (b"\x60\xea", "application/x-arj"),
        (b"**ACE**", "application/x-ace"),
        (b"xar!", "application/x-xar"),
        (b"conectix", "application/x-vhd"),
        (b"vhdxfile", "application/x-vhdx"),
    ),
    *_of(
        FileKind.DOCUMENT,
        (b"%PDF-", "application/pdf"),
        (b"{\\rtf", "application/rtf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"),
        (b"%!PS", "application/postscript"),
    ),
    *_of(
        FileKind.IMAGE,
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"\x00\x00\x01\x00", "image/x-icon"),
    ),
    *_of(
        FileKind.SOUND,
        (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"MThd", "audio/midi"),
        (b"OggS", "audio/ogg"),
        (b"#!AMR", "audio/amr"),
    ),
    *_of(
        FileKind.VIDEO,
        (b"\x1aE\xdf\xa3", "video/x-matroska"),
        (b"FLV\x01", "video/x-flv"),
        (b"\x00\x00\x01\xba", "video/mpeg"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    ),
]
_RIFF = {
    b"WAVE": FileType("audio/x-wav", FileKind.SOUND),
    b"AVI ": FileType("video/x-msvideo", FileKind.VIDEO),
    b"WEBP": FileType("image/webp", FileKind.IMAGE),
}
ZIP = FileType("application/zip", FileKind.ARCHIVE)
TAR = FileType("application/x-tar", FileKind.ARCHIVE)
ISO = FileType("application/x-iso9660-image", FileKind.ARCHIVE)
HTML = FileType("text/html", FileKind.DOCUMENT)
HTA = FileType("application/hta", FileKind.SCRIPT)
SCRIPT = FileType("text/x-script", FileKind.SCRIPT)
TEXT = FileType("text/plain", FileKind.TEXT)
UNKNOWN = FileType("application/octet-stream", FileKind.OTHER)

_INSIDE_ZIP = (  # what an entry of that name makes of the archive
    (b"word/", FileType("application/vnd.openxmlformats-officedocument.wordprocessingml.document", FileKind.DOCUMENT)),
    (b"xl/", FileType("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", FileKind.DOCUMENT)),
    (b"ppt/", FileType("application/vnd.openxmlformats-officedocument.presentationml.presentation", FileKind.DOCUMENT)),
    (b"AndroidManifest.xml", FileType("application/vnd.android.package-archive", FileKind.EXECUTABLE)),
    (b"META-INF/MANIFEST.MF", FileType("application/java-archive", FileKind.EXECUTABLE)),
    (b"AppxManifest.xml", FileType("application/appx", FileKind.EXECUTABLE)),
)
_HTML = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta|svg)[\s>]", re.IGNORECASE | re.DOTALL
)
_SCRIPT = re.compile(rb"#!\s*/|@echo\s+off|<job[\s>]|<hta:application|\s*<scriptlet|\s*<package>\s*<job", re.IGNORECASE)
_TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})


def identify(data: bytes, name: str = "") -> FileType:
    """What the file is. Only of plain text its name decides: a script is text that something runs."""
    head = bytes(data[:HEAD])
    return _by_magic(data, head) or _by_text(head, name)


def _by_magic(data: bytes, head: bytes) -> FileType | None:
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(data)
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _media(head[8:12])
    if head[257:262] == b"ustar":
        return TAR
    return ISO if bytes(data[0x8001:0x8006]) == b"CD001" else None


def _by_text(head: bytes, name: str) -> FileType:
    by_name = kind_by_name(name)
    if _HTML.match(head):
        return HTA if extension(name) == "hta" else _markup(head)
    if _SCRIPT.match(head) or by_name is FileKind.SCRIPT:
        return SCRIPT
    if not head.translate(None, _TEXT_BYTES):
        return TEXT
    return FileType(UNKNOWN.media, FileKind.EXECUTABLE) if by_name is FileKind.EXECUTABLE else UNKNOWN


def _markup(head: bytes) -> FileType:
    return FileType("image/svg+xml", FileKind.IMAGE) if b"<svg" in head.lower() else HTML


def _media(brand: bytes) -> FileType:
    if brand in (b"heic", b"heix", b"mif1", b"avif"):
        return FileType("image/heic", FileKind.IMAGE)
    if brand.startswith(b"M4A"):
        return FileType("audio/mp4", FileKind.SOUND)
    return FileType("video/mp4", FileKind.VIDEO)


def _zip(data: bytes) -> FileType:
    """An archive, or a document or program that is one: the names of its first entries say which."""
    window = bytes(data[:65_536]) + bytes(data[-65_536:])
    if b"mimetypeapplication/vnd.oasis.opendocument" in window[:200]:
        return FileType("application/vnd.oasis.opendocument", FileKind.DOCUMENT)
    for name, found in _INSIDE_ZIP:
        if name in window and (found.kind is FileKind.EXECUTABLE or b"[Content_Types].xml" in window):
            return found
    return ZIP
