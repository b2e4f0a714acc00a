"""Calendar programs against a real service, over TLS: python-caldav and vdirsyncer in their own environment, curl."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.calendars import card, event
from tests.support.dav_site import Site
from tests.support.programs import need, run
from tests.support.service import Service

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
_FEATURES = ("sharing", "delegation", "shared-folders", "free-busy")
PAIRS = """
[general]
status_path = "{folder}/status/"
[pair events]
a = "here"
b = "there"
collections = ["calendar", "tasks"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "{folder}/{name}/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "{url}"
username = "{login}"
password = "{password}"
verify = "{ca}"
[pair cards]
a = "cards_here"
b = "cards_there"
collections = ["contacts"]
conflict_resolution = "b wins"
[storage cards_here]
type = "filesystem"
path = "{folder}/{name}/"
fileext = ".vcf"
[storage cards_there]
type = "carddav"
url = "{url}"
username = "{login}"
password = "{password}"
verify = "{ca}"
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    made = subprocess.run([ROOT / "scripts" / "setup-clients"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"MISSING .venv-clients: {made.stderr}")
    return ROOT / ".venv-clients" / "bin"


@pytest.fixture
def site(dav_site: Site) -> tuple[Service, str]:
    return dav_site.service, dav_site.url


def test_python_caldav(programs: Path, site: tuple[Service, str]) -> None:
    service, url = site
    user = service.peer.fresh_user()
    seen = json.loads(
        run(
            programs / "python", SCRIPTS / "caldav_session.py", url, service.peer.ca_file, user.login, user.password
        ).stdout
    )
    assert seen["calendars"] == seen["left"] == ["Calendar", "Tasks"]
    assert seen["found"] == ["Réunion"]
    assert seen["expanded"] == [f"2026-11-0{day}T09:00:00+00:00" for day in (3, 4, 5)]
    assert seen["by text"] == 1
    assert (seen["pending"], seen["pending after"]) == (["Call"], 0)
    assert seen["changes"] == 2
    assert (seen["renamed"], seen["busy"], seen["planned"]) == ("Autre", True, {f"mailto:{user.login}": True})
    assert seen["refused"] == {"mailto:mia@example.net": "5.3;No scheduling support for user"}


def test_python_caldav_finds_a_calendar_that_was_accepted(programs: Path, site: tuple[Service, str]) -> None:
    service, url = site
    owner, viewer = service.peer.fresh_user(), service.peer.fresh_user()
    service.optimails("plan", "set", "basic", *(part for one in _FEATURES for part in ("--feature", one)))
    service.optimails("calendar", "list", owner.login)  # makes it
    service.optimails("acl", "set", owner.login, "calendar", viewer.login, "editor", "--kind", "calendar")
    service.optimails("share", "accept", viewer.login, f"{owner.login}/calendar")
    ran = run(
        programs / "python", SCRIPTS / "caldav_shared.py", url, service.peer.ca_file, viewer.login, viewer.password
    )
    ((name, events),) = json.loads(ran.stdout).items()
    assert (name.startswith("Calendar ("), events) == (True, ["Seen by both"])
    (calendar, *_) = service.optimails("calendar", "list", owner.login)
    assert calendar["items"] == 1


def test_python_caldavs_examination_of_servers(programs: Path, site: tuple[Service, str]) -> None:
    service, url = site
    users = [word for user in (service.peer.fresh_user() for _ in range(3)) for word in (user.login, user.password)]
    ran = run(programs / "python", SCRIPTS / "caldav_examination.py", f"{url}/", service.peer.ca_file, *users)
    found = json.loads(ran.stdout)
    assert len(found) > 100
    assert {name: seen for name, seen in found.items() if seen != "full"} == {
        "create-calendar.auto": "unsupported",  # who only looks at a calendar does not make it
        "get-current-user-principal.has-calendar": "",  # yes: not a degree of support
        "url.encode-at.identity": "unsupported",  # @ and %40 are the same to us
        "well-known": "unknown",  # not asked of localhost
    }


def test_vdirsyncer_two_ways(programs: Path, site: tuple[Service, str], tmp_path: Path) -> None:
    service, url = site
    user = service.peer.fresh_user()
    home = {}
    for name in ("one", "two"):
        config = tmp_path / f"{name}.conf"
        folder = tmp_path / name
        folder.mkdir()
        home[name] = folder / name
        for collection in ("calendar", "tasks", "contacts"):
            (home[name] / collection).mkdir(parents=True)
        config.write_text(
            PAIRS.format(
                folder=folder, name=name, url=url, login=user.login, password=user.password, ca=service.peer.ca_file
            )
        )

    def sync(name: str, *, discover: bool = False) -> None:
        for verb in ["discover", "sync"] if discover else ["sync"]:
            run(programs / "vdirsyncer", "-c", tmp_path / f"{name}.conf", verb, stdin=b"y\n" * 9, home=tmp_path)

    (home["one"] / "calendar" / "1.ics").write_bytes(
        event("1", "20261103T090000Z", "SUMMARY:Été", "X-OWN:kept").encode()
    )
    for uid in ("a", "b"):
        (home["one"] / "contacts" / f"{uid}.vcf").write_bytes(card(uid, "Anne").encode())
    sync("one", discover=True)
    sync("two", discover=True)
    (there,) = (home["two"] / "calendar").iterdir()
    assert "X-OWN:kept" in there.read_text()
    assert len(list((home["two"] / "contacts").iterdir())) == 2
    there.write_text(there.read_text().replace("Été", "Hiver"))
    (home["two"] / "calendar" / "2.ics").write_bytes(event("2").encode())
    sync("two")
    (home["one"] / "contacts" / "a.vcf").unlink()
    sync("one")
    sync("two")
    assert "Hiver" in (home["one"] / "calendar" / "1.ics").read_text()
    assert len(list((home["one"] / "calendar").iterdir())) == 2
    assert len(list((home["two"] / "contacts").iterdir())) == 1


def test_curl(site: tuple[Service, str], tmp_path: Path) -> None:
    service, url = site
    user, curl = service.peer.fresh_user(), need("curl")
    base = (curl, "--silent", "--show-error", "--fail", "--cacert", service.peer.ca_file, "--user",
            f"{user.login}:{user.password}")  # fmt: skip
    file = tmp_path / "1.ics"
    file.write_bytes(event("1").encode())
    address = f"{url}/dav/{user.login}/calendar/1.ics"
    run(*base, "--upload-file", file, address)
    assert run(*base, address).stdout == file.read_bytes()
    led = run(*base, "--location", "--request", "PROPFIND", "--header", "Depth: 0", f"{url}/.well-known/caldav").stdout
    assert b"calendar-home-set" in led
    run(*base, "--request", "DELETE", address)
    run(*base, address, expect=22)
