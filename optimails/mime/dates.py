"""The Date field (RFC 5322 §3.3, §4.3), and dates as programs have written them instead."""

import re
from datetime import date
from typing import NamedTuple

from optimails.mime.header import unfolded
from optimails.mime.limits import FIELD_LIMIT

_MONTHS = {
    name: number
    for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}  # fmt: skip
_ZONES = {
    b"est": -300, b"edt": -240, b"cst": -360, b"cdt": -300, b"mst": -420, b"mdt": -360, b"pst": -480, b"pdt": -420,
    b"bst": 60, b"cet": 60, b"met": 60, b"cest": 120, b"mest": 120, b"eet": 120, b"eest": 180, b"jst": 540,
}  # fmt: skip
# Everything else counts as UTC: UT, GMT, Z, the military letters (RFC 5322 §4.3 gives them no meaning), unknown names.

_CLOCK = rb"(\d{1,2})[ ]*+[:.][ ]*+(\d{1,2})(?:[ ]*+[:.][ ]*+(\d{1,2})(?:[.,]\d{1,9})?+)?+"
_USUAL = re.compile(
    rb"(?:[A-Za-z]{1,12}\.?[ ]*+,?[ ]*+)?(\d{1,2})[ \-]*+([A-Za-z]{3})[A-Za-z]{0,6}+\.?[ \-]*+(\d{2,4})"
    rb"(?:,?[ ]*+(?:at[ ]*+)?" + _CLOCK + rb")?[ ]*+(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
_ASCTIME = re.compile(
    rb"(?:[A-Za-z]{1,12},?[ ]++)?([A-Za-z]{3})[A-Za-z]{0,6}+[ ]++(\d{1,2}),?[ ]++" + _CLOCK +
    rb"[ ]++(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?[ ]*+(\d{4})"
)  # fmt: skip
_ISO = re.compile(rb"(\d{4})-(\d{2})-(\d{2})(?:[Tt ]" + _CLOCK + rb")?[ ]*+(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?")
_COMMENT = re.compile(rb"\([^()]*+\)")
_BLANK = re.compile(rb"\s++")
_EPOCH = date(1970, 1, 1).toordinal()


class Sent(NamedTuple):
    """``seconds`` since 1970 in UTC; ``day`` as written, in the zone of the writer (RFC 9051 §6.4.4, SENTON)."""

    seconds: int
    day: date


def parse_date(value: bytes) -> Sent | None:
    """The time of a Date field, or None when it cannot be told."""
    value = unfolded(value[:FIELD_LIMIT])
    if b"(" in value:
        value = _COMMENT.sub(b" ", value)
    if b"  " in value or b"\t" in value:
        value = _BLANK.sub(b" ", value).strip()
    if usual := _USUAL.match(value):
        day, month, year, *rest = usual.groups()
    elif iso := _ISO.match(value):
        year, month, day, *rest = iso.groups()
    elif asctime := _ASCTIME.match(value):
        month, day, *rest, year = asctime.groups()
    else:
        return None
    hour, minute, second, sign, zone_hours, zone_minutes, zone = rest
    try:
        written = date(_year(year), _MONTHS.get(month.lower()) or int(month), int(day))
    except ValueError:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 24 or minutes > 59 or seconds > 60:  # a leap second is 60; some write midnight as 24
        return Sent((written.toordinal() - _EPOCH) * 86400, written)
    offset = _ZONES.get((zone or b"").lower(), 0)
    if sign:
        offset = int(zone_hours) * 60 + int(zone_minutes)
        offset = 0 if offset >= 24 * 60 else (-offset if sign == b"-" else offset)
    local = (written.toordinal() - _EPOCH) * 86400 + hours * 3600 + minutes * 60 + seconds
    return Sent(local - offset * 60, written)


def _year(text: bytes) -> int:
    year = int(text)
    if len(text) == 2:  # RFC 5322 §4.3
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year
