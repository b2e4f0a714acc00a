"""A user's calendars, tasks and contacts in Evolution's data server (Debian's Python, in a D-Bus session of its own).

Arguments: URL, login, password. One account is set up as Evolution does: the data server discovers what is there. Steps
come one a line on standard input as JSON (name, arguments); each is answered with a line.
"""

import json
import sys
import threading
from collections.abc import Callable

import gi

gi.require_version("EDataServer", "1.2")
gi.require_version("ECal", "2.0")
gi.require_version("EBook", "1.2")
from gi.repository import EBook, EBookContacts, ECal, EDataServer, GLib, ICalGLib  # noqa: E402  # after their versions

url, login, password = sys.argv[1:]
registry = EDataServer.SourceRegistry.new_sync(None)
EVERYTHING = "#t"
NONE = ECal.OperationFlags.NONE
SECONDS = 60


def tell_password(_registry: object, source: EDataServer.Source, *_: object) -> None:
    """What the window asks the user for."""
    credentials = EDataServer.NamedParameters.new()
    credentials.set(EDataServer.SOURCE_CREDENTIAL_USERNAME, login)
    credentials.set(EDataServer.SOURCE_CREDENTIAL_PASSWORD, password)
    source.invoke_authenticate(credentials, None, None)


def add_account() -> None:
    account = EDataServer.Source.new(None, None)
    account.set_display_name(login)
    collection = account.get_extension(EDataServer.SOURCE_EXTENSION_COLLECTION)
    collection.set_backend_name("webdav")
    collection.set_identity(login)
    collection.set_calendar_url(url)
    collection.set_contacts_url(url)
    authentication = account.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
    authentication.set_user(login)
    authentication.set_host(url.split("/")[2].split(":")[0])
    authentication.set_method("plain/password")
    registry.commit_source_sync(account, None)


def sources() -> dict[str, EDataServer.Source]:
    """Those of the account, by name."""
    return {
        one.get_display_name(): one
        for kind in ("Calendar", "Task List", "Address Book")
        for one in registry.list_sources(kind)
        if one.get_parent() not in (None, "local-stub", "webcal-stub", "contacts-stub", "")
    }


clients: dict[str, object] = {}


def opened(name: str) -> object:
    if name not in clients:
        source = sources()[name]
        if source.has_extension("Address Book"):
            clients[name] = EBook.BookClient.connect_sync(source, SECONDS, None)
        else:
            tasks = source.has_extension("Task List")
            kind = ECal.ClientSourceType.TASKS if tasks else ECal.ClientSourceType.EVENTS
            clients[name] = ECal.Client.connect_sync(source, kind, SECONDS, None)
    return clients[name]


def parts(name: str) -> list[str]:
    _, found = opened(name).get_object_list_sync(EVERYTHING, None)
    return sorted(one.as_ical_string() for one in found)


def component(text: str) -> ICalGLib.Component:
    return ICalGLib.Component.new_from_string(text)


def rename(name: str, uid: str, summary: str) -> None:
    _, part = opened(name).get_object_sync(uid, None, None)
    part.set_summary(summary)
    opened(name).modify_object_sync(part, ECal.ObjModType.ALL, NONE, None)


def change_occurrence(name: str, text: str) -> None:
    opened(name).modify_object_sync(component(text), ECal.ObjModType.THIS, NONE, None)


def remove(name: str, uid: str, recurrence: str | None) -> None:
    which = ECal.ObjModType.THIS if recurrence else ECal.ObjModType.ALL
    opened(name).remove_object_sync(uid, recurrence, which, NONE, None)


def contacts(name: str) -> list[list[str]]:
    _, found = opened(name).get_contacts_sync(EVERYTHING, None)
    return sorted([one.get_property("full-name"), one.get_property("email-1") or ""] for one in found)


def change_contact(name: str, uid: str, email: str) -> None:
    _, contact = opened(name).get_contact_sync(uid, None)
    contact.set_property("email-1", email)
    opened(name).modify_contact_sync(contact, EBookContacts.BookOperationFlags.NONE, None)


STEPS: dict[str, Callable[..., object]] = {
    "sources": lambda: sorted(sources()),
    "read only": lambda name: opened(name).is_readonly(),
    "refresh": lambda name: opened(name).refresh_sync(None),
    "parts": parts,
    "create": lambda name, text: opened(name).create_object_sync(component(text), NONE, None)[1],
    "rename": rename,
    "change occurrence": change_occurrence,
    "remove": remove,
    "contacts": contacts,
    "add contact": lambda name, text: opened(name).add_contact_sync(
        EBookContacts.Contact.new_from_vcard(text), EBookContacts.BookOperationFlags.NONE, None
    )[1],
    "change contact": change_contact,
    "remove contact": lambda name, uid: opened(name).remove_contact_by_uid_sync(
        uid, EBookContacts.BookOperationFlags.NONE, None
    ),
}


def work(loop: GLib.MainLoop) -> None:
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = {"value": STEPS[name](*arguments)}
        except GLib.Error as refused:
            answer = {"refused": refused.message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    loop.quit()


registry.connect("credentials-required", tell_password)
add_account()
main = GLib.MainLoop()
threading.Thread(target=work, args=(main,), daemon=True).start()
main.run()
