import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from email.message import EmailMessage

import py7zr
import pytest

from securemail.case import FileKind
from securemail.examined import Examined
from securemail.facts import Clean, Encrypted, Infected, Outcome, Undeterminable
from securemail.structure.names import disguised
from securemail.structure.signatures import EICAR, HashList, eicar
from securemail.structure.types import identify
from securemail.structure.walk import Inside, look_inside

PROGRAM = b"MZ\x90\x00" + bytes(200)
OFFICE = "vnd.openxmlformats-officedocument.wordprocessingml.document"


def zipped(*files: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return held.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return held.getvalue()


def seven(name: str, data: bytes, password: str | None = None) -> bytes:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w", password=password) as archive:
        archive.writef(io.BytesIO(data), name)
    return held.getvalue()


def locked_zip() -> bytes:
    """As any packer writes it: bit 0 of the flags, in both places."""
    data = bytearray(zipped(("secret.txt", b"content")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def look(name: str, data: bytes) -> Inside:
    message = EmailMessage()
    message["From"] = "a@b.test"
    message.set_content("See the attachment.")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return look_inside(Examined(message.as_bytes().replace(b"\n", b"\r\n")), (eicar,))


def outcome(name: str, data: bytes) -> Outcome:
    return look(name, data).examination().outcome


def named(value: object) -> str:
    """For the names of tests: archives have the time in them, and two processes must agree on the names."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PROGRAM, "report.pdf", FileKind.EXECUTABLE),
        (b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(50), "invoice.lnk", FileKind.EXECUTABLE),
        (b"%PDF-1.7\n", "a.pdf", FileKind.DOCUMENT),
        (b"\xff\xd8\xff\xe0", "a.jpg", FileKind.IMAGE),
        (zipped(("a.txt", b"x")), "a.zip", FileKind.ARCHIVE),
        (zipped(("[Content_Types].xml", b"x"), ("word/document.xml", b"x")), "a.docx", FileKind.DOCUMENT),
        (zipped(("META-INF/MANIFEST.MF", b"x")), "a.jar", FileKind.EXECUTABLE),
        (b"WScript.Echo 1\r\n", "a.vbs", FileKind.SCRIPT),
        (b"#!/bin/sh\n", "notes.txt", FileKind.SCRIPT),
        (b"<!DOCTYPE html><html>", "a.html", FileKind.DOCUMENT),
        (b"hello", "a.txt", FileKind.TEXT),
        (b"\x00\x00\x00\x18ftypmp42", "a.mp4", FileKind.VIDEO),
        (bytes(range(256)), "a.dat", FileKind.OTHER),
        (b"", "empty", FileKind.TEXT),
    ],
    ids=named,
)
def test_a_file_is_what_its_content_says(data: bytes, name: str, kind: FileKind) -> None:
    assert identify(data, name).kind is kind


@pytest.mark.parametrize(
    ("name", "kind", "hidden"),
    [
        ("invoice.pdf.exe", FileKind.EXECUTABLE, True),
        ("invoice.pdf .js ", FileKind.SCRIPT, True),
        ("holiday.jpg", FileKind.EXECUTABLE, True),
        ("annual\u202efdp.exe", FileKind.DOCUMENT, True),
        ("setup.exe", FileKind.EXECUTABLE, False),
        ("tool.zip.exe", FileKind.EXECUTABLE, False),
        ("report.doc", FileKind.DOCUMENT, False),
        ("photo.png", FileKind.IMAGE, False),
        ("noending", FileKind.EXECUTABLE, False),
    ],
)
def test_names_that_deceive(name: str, kind: FileKind, *, hidden: bool) -> None:
    assert disguised(name, kind) is hidden


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("eicar.com", EICAR),
        ("e.zip", zipped(("a/eicar.com", EICAR))),
        ("e.tar", tarred("eicar.com", EICAR)),
        ("e.tar.gz", gzip.compress(tarred("eicar.com", EICAR))),
        ("e.gz", gzip.compress(EICAR)),
        ("e.bz2", bz2.compress(EICAR)),
        ("e.xz", lzma.compress(EICAR)),
        ("e.7z", seven("eicar.com", EICAR)),
        ("e.docx", zipped(("[Content_Types].xml", b"x"), ("word/embeddings/oleObject1.bin", EICAR))),
        ("deep.zip", zipped(("b.zip", zipped(("c.7z", seven("d.gz", gzip.compress(EICAR))))))),
        ("renamed.jpg", zipped(("eicar.com", EICAR))),
    ],
    ids=named,
)
def test_a_bad_file_is_found_in_every_container(name: str, data: bytes) -> None:
    found = outcome(name, data)
    assert isinstance(found, Infected)
    assert found.name == "Eicar-Test-Signature"
    assert found.part.startswith(name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("locked.zip", locked_zip()),
        ("locked.7z", seven("a.txt", b"secret", password="x")),
        ("both.zip", zipped(("in.zip", locked_zip()), ("a.txt", b"x"))),
    ],
    ids=named,
)
def test_what_is_locked_is_encrypted(name: str, data: bytes) -> None:
    assert isinstance(outcome(name, data), Encrypted)


def nested(levels: int) -> bytes:
    data = b"core"
    for level in range(levels):
        data = zipped((f"{level}.zip" if level else "core.txt", data))
    return data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.zip", zipped(("zeros", bytes(60 * 2**20)))),
        ("bomb.gz", gzip.compress(bytes(60 * 2**20))),
        ("deep.zip", nested(9)),
        ("many.zip", zipped(*((f"{number}.txt", b"") for number in range(5_001)))),
        ("broken.zip", zipped(("a", b"x" * 1000))[:-30]),
        ("cut.gz", gzip.compress(b"x" * 10_000)[:-20]),
        ("x.rar", b"Rar!\x1a\x07\x01\x00" + bytes(100)),
        ("noise.7z", b"7z\xbc\xaf\x27\x1c" + bytes(range(100))),
    ],
    ids=named,
)
def test_what_cannot_be_looked_into_is_undeterminable(name: str, data: bytes) -> None:
    assert isinstance(outcome(name, data), Undeterminable)


def test_what_is_seven_deep_is_still_seen() -> None:
    assert isinstance(outcome("deep.zip", nested(7)), Clean)


def test_documents_tell_of_macros_scripts_and_objects() -> None:
    office = zipped(
        ("[Content_Types].xml", b"x"),
        ("word/document.xml", b"x"),
        ("word/vbaProject.bin", b"...AutoOpen..."),
        ("word/_rels/settings.xml.rels", b'Type="http://x/relationships/attachedTemplate" TargetMode="External"'),
    )
    seen = look("a.docm", office).seen
    assert set(seen) == {"OFFICE_MACROS", "OFFICE_MACROS_START_BY_THEMSELVES", "OFFICE_LOADS_FROM_OUTSIDE"}
    assert set(look("a.pdf", b"%PDF-1.4\n<< /OpenAction << /S /JavaScript /JS (x) >> /Launch >>").seen) == {
        "PDF_JAVASCRIPT",
        "PDF_LAUNCH",
    }


def test_a_list_of_digests_is_read_anew_when_it_changes(tmp_path: object) -> None:
    import hashlib
    from pathlib import Path

    path = Path(str(tmp_path)) / "hashes.txt"
    listed = HashList(path)
    assert listed(b"bad") is None
    path.write_text(f"# ours\n{hashlib.sha256(b'bad').hexdigest().upper()} Ours.Bad\nnonsense\n")
    assert (listed(b"bad"), listed(b"good")) == ("Ours.Bad", None)


def test_mail_that_only_its_reader_opens_is_encrypted() -> None:
    mail = b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n\r\nMIIB'
    assert isinstance(look_inside(Examined(mail)).examination().outcome, Encrypted)
    signed = mail.replace(b"enveloped", b"signed")
    assert isinstance(look_inside(Examined(signed)).examination().outcome, Clean)
