"""Two messages that every engine must tell apart."""

import base64

from securemail.structure.signatures import EICAR

_HEAD = b"From: <test@localhost>\r\nTo: <test@localhost>\r\nSubject: test\r\nMIME-Version: 1.0\r\n"
CLEAN = _HEAD + b"\r\nNothing to see here.\r\n"
EICAR_MAIL = (
    _HEAD
    + b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    + b'Content-Disposition: attachment; filename="eicar.com"\r\n\r\n'
    + base64.encodebytes(EICAR).replace(b"\n", b"\r\n")
)
