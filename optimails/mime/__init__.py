"""MIME: structure, envelope, headers, charsets (RFC 5322, 2045 to 2049, 2231, 6532; IMAP's forms of RFC 9051).

Pure functions over bytes or a memory map; large bodies are not copied. Offsets count bytes of the message given, so
messages with bare LF line ends work as they are. Whatever the bytes, there is an answer; limits are in ``limits``.
"""

from optimails.mime.addresses import Address, parse_addresses, render_addresses
from optimails.mime.buffer import Buffer
from optimails.mime.dates import Sent, parse_date
from optimails.mime.decode import binary_size, decode_part, header_text, header_texts, part_source, text
from optimails.mime.fields import FieldFilter, field_filter, header_fields
from optimails.mime.header import body_start
from optimails.mime.html import html_text
from optimails.mime.part import Part
from optimails.mime.prepare import PREPARED_FIELDS, Prepared, prepare
from optimails.mime.quote import nstring, string
from optimails.mime.scan import parse
from optimails.mime.section import SectionKind, find_part, section, section_of
from optimails.mime.structure import basic_structure, full_structure
from optimails.mime.words import decode_header

__all__ = [
    "PREPARED_FIELDS",
    "Address",
    "Buffer",
    "FieldFilter",
    "Part",
    "Prepared",
    "SectionKind",
    "Sent",
    "basic_structure",
    "binary_size",
    "body_start",
    "decode_header",
    "decode_part",
    "field_filter",
    "find_part",
    "full_structure",
    "header_fields",
    "header_text",
    "header_texts",
    "html_text",
    "nstring",
    "parse",
    "parse_addresses",
    "parse_date",
    "part_source",
    "prepare",
    "render_addresses",
    "section",
    "section_of",
    "string",
    "text",
]
