"""Multistatus answers (RFC 4918 §13), as text. Many items cost one formatting each, and no tree of elements."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from urllib.parse import quote

from caldav.session.places import SAFE, Place
from caldav.session.privileges import privileges
from caldav.session.properties import Values, common, content_type, http_date, iso_date, owner_of
from caldav.session.world import View
from caldav.wire.filters import CalendarData
from caldav.wire.names import DECLARATIONS, c, cr, cs, d, element, href, text
from caldav.wire.reading import Wanted
from optimails.groupware.api import Kind, Unfit
from optimails.groupware.calendar import read_object
from optimails.groupware.card import read_card
from optimails.groupware.card_versions import converted
from optimails.groupware.expanding import expanded, limited, selected, text_of
from optimails.groupware.recurrence import SHARE, Budget
from optimails.groupware.search import BUDGET
from optimails.groupware.text import Component

HEAD = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus{DECLARATIONS}>'
TAIL = "</D:multistatus>"
_PLAIN = re.compile(r"[A-Za-z0-9@!$'()*+,=:~._-]+$")
_OK = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
_MISSING = "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
_NOT_IN_ALL = frozenset(  # RFC 3744, 4791 and others: not for allprop
    [d("acl"), d("supported-privilege-set"), d("current-user-privilege-set"), d("supported-report-set"),
     d("principal-collection-set"), d("acl-restrictions"), d("inherited-acl-set"), d("sync-token"),
     c("calendar-timezone"), c("supported-collation-set"), cr("supported-collation-set"),
     cs("invite"), cs("allowed-sharing-modes"), cs("shared-url"), cs("notification-URL"), cs("notificationtype"),
     c("calendar-availability"), cs("calendar-availability")]
)  # fmt: skip


def quoted(name: str) -> str:
    """A name as the last part of an address, in XML."""
    return name if _PLAIN.match(name) else text(quote(name, safe=SAFE))


def multistatus(responses: Iterable[str], after: str = "") -> str:
    return "".join([HEAD, *responses, after, TAIL])


def missing(path: str, status: str = "404 Not Found", inside: str = "") -> str:
    """A response without properties."""
    return f"<D:response>{href(path)}<D:status>HTTP/1.1 {status}</D:status>{inside}</D:response>"


def response(path: str, wanted: Wanted, values: Values, dead: Callable[[], dict[str, str]] = dict) -> str:
    """The answer for one resource that is no item. ``dead``: what clients keep there."""
    found, absent = [], []
    if wanted.only_names:
        found = [element(name) for name, value in values.items() if value() is not None]
        found += [element(name) for name in dead()]
    else:
        names = list(wanted.names)
        if wanted.every:
            names += [name for name in values if name not in _NOT_IN_ALL and name not in names]
        kept = dead() if wanted.every or any(name not in values for name in names) else {}
        for name in names:
            value = values[name]() if name in values else None
            if value is not None:
                found.append(element(name, value))
            elif name in kept:
                found.append(kept[name])
            elif name in wanted.names:
                absent.append(element(name))
        if wanted.every:
            found += [value for name, value in kept.items() if name not in names]
    return f"<D:response>{href(path)}{_propstats(found, absent)}</D:response>"


def _propstats(found: list[str], absent: list[str]) -> str:
    stats = f"<D:propstat><D:prop>{''.join(found)}{_OK}" if found or not absent else ""
    return stats + (f"<D:propstat><D:prop>{''.join(absent)}{_MISSING}" if absent else "")


class ItemForm:
    """How the items of a collection are answered: what is the same for all is put together once."""

    def __init__(
        self,
        place: Place,
        view: View,
        wanted: Wanted,
        data: CalendarData | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """``data``: texts are wanted in this form; ``zone`` is that of floating times."""
        self._zone = zone
        self._budget = Budget(BUDGET)
        self.kind = view.collection.kind
        self.data_name = cr("address-data") if self.kind is Kind.BOOK else c("calendar-data")
        self.data = data or CalendarData()
        self._base = place.base(view.name)
        self._constant = {
            d("resourcetype"): "",
            d("getcontenttype"): content_type(self.kind),
            d("owner"): owner_of(place, view) or "",
            d("current-user-privilege-set"): privileges(view.effective.rights),
            **{name: value() or "" for name, value in common(place).items()},
        }
        self._variable: dict[str, Callable[..., str]] = {
            d("getetag"): lambda etag, **_: f'"{etag}"',
            d("getcontentlength"): lambda size, **_: str(size),
            d("getlastmodified"): lambda modified, **_: http_date(modified),
            d("creationdate"): lambda created, **_: iso_date(created),
            c("schedule-tag"): _schedule_tag,
        }
        names = list(wanted.names)
        if wanted.every or wanted.only_names:
            names += [d("resourcetype"), d("getcontenttype"), *(one for one in self._variable if one[:6] == "{DAV:}")]
        self._names = list(dict.fromkeys(names))
        self._bare = wanted.only_names
        self.wants_text = self.data_name in self._names and not self._bare
        known = {d("getetag"), self.data_name, *self._constant}
        self.wants_more = any(name in self._variable and name not in known for name in self._names)
        self._begin, self._pattern = self._prepare()

    def _prepare(self) -> tuple[str, list[str | Callable[..., str]]]:
        found: list[str | Callable[..., str]] = []
        absent = []
        for name in self._names:
            if self._bare and (name in self._variable or name in self._constant):
                found.append(element(name))
            elif name == c("schedule-tag"):
                found.append(self._variable[name])
            elif name in self._variable:
                start, end = element(name, "\0").split("\0")
                found += [start, self._variable[name], end]
            elif name in self._constant:
                found.append(element(name, self._constant[name]))
            elif name == self.data_name:
                start, end = element(name, "\0").split("\0")
                found += [start, self._text, end]
            else:
                absent.append(element(name))
        tail = f"<D:propstat><D:prop>{''.join(absent)}{_MISSING}" if absent else ""
        joined: list[str | Callable[..., str]] = []
        ok = ["<D:propstat><D:prop>", *found, _OK] if found or not absent else []
        for part in [*ok, tail, "</D:response>"]:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            else:
                joined.append(part)
        return f"<D:response><D:href>{text(self._base)}", joined

    def etags(self, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Responses from names and etags alone."""
        begin = self._begin
        if self._names == [d("getetag")]:
            middle, end = self._pattern[0], self._pattern[2]
            plain = _PLAIN.match
            for name, etag in rows:
                yield f'{begin}{name if plain(name) else quoted(name)}</D:href>{middle}"{etag}"{end}'
            return
        for name, etag in rows:
            yield self.one(name, etag=etag)

    def one(self, name: str, **facts: object) -> str:
        """``facts``: etag, and of size, modified, created, content what is wanted."""
        parts = [part if isinstance(part, str) else part(**facts) for part in self._pattern]
        return f"{self._begin}{quoted(name)}</D:href>{''.join(parts)}"

    def _text(self, content: bytes, **_: object) -> str:
        return text(self.shape(content.decode("utf-8", "replace")))

    def shape(self, content: str) -> str:
        """The text as it is wanted; as it is, when it cannot be read."""
        data = self.data
        if data.plain or self._budget.spent:  # then as they are: too much rather than too late
            return content
        try:
            root: Component
            if self.kind is Kind.BOOK:
                card = read_card(content)
                if data.selection is None and data.version == card.version:
                    return content
                root = converted(card.component, data.version) if data.version else card.component
            else:
                found = read_object(content)
                root = found.root
                with self._budget.share(SHARE) as own:
                    if data.expand is not None:
                        root = expanded(found, data.expand, self._zone, own)
                    elif data.limit is not None:
                        root = limited(found, data.limit, self._zone, own)
        except Unfit:
            return content
        return text_of(selected(root, data.selection) if data.selection is not None else root)


def _schedule_tag(schedule_tag: str | None = None, **_: object) -> str:
    """The whole element: only meetings have one (RFC 6638 §9.3)."""
    return element(c("schedule-tag"), f'"{schedule_tag}"') if schedule_tag is not None else ""
