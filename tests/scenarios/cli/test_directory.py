"""Domains, accounts, aliases, plans: as an administrator meets them."""

import json

from tests.support.pictures import png

GB = 2**30


def test_an_account_from_adding_to_restoring(ready):
    marie = ready.json("account", "show", "marie@example.org")
    assert (marie["plan"], marie["state"], marie["storage_limit"]) == ("premium", "active", 25 * GB)

    ready("account", "set", "marie@example.org", "--name", "Marie Curie", "--storage", "500M", "--state", "suspended")
    marie = ready.json("account", "show", "marie@example.org")
    assert (marie["name"], marie["storage_limit"], marie["state"]) == ("Marie Curie", 500 * 2**20, "suspended")
    ready("account", "set", "marie@example.org", "--storage", "plan", "--messages", "unlimited", "--state", "active")
    assert ready.json("account", "show", "marie@example.org")["storage_limit"] == 25 * GB

    removed, _ = ready("account", "remove", "marie@example.org")
    assert f"optimails account restore {marie['id']}" in removed
    assert ready.json("account", "list") == []
    assert [row["state"] for row in ready.json("account", "list", "--removed")] == ["closed"]
    ready("account", "restore", marie["id"])
    assert ready.json("account", "show", "marie@example.org")["state"] == "active"


def test_what_address_books_show_of_an_account(ready):
    photo = ready.folder / "marie.png"
    photo.write_bytes(png())
    ready(
        "account", "set", "marie@example.org", "--title", "Physicist", "--phone", "+33 1", "--photo", photo, "--hidden"
    )
    marie = ready.json("account", "show", "marie@example.org")
    assert [marie[key] for key in ("title", "phone", "photo", "hidden")] == ["Physicist", "+33 1", "PNG", True]
    ready("account", "set", "marie@example.org", "--phone", "", "--no-photo", "--visible")
    marie = ready.json("account", "show", "marie@example.org")
    assert [marie[key] for key in ("title", "phone", "photo", "hidden")] == ["Physicist", "", None, False]
    photo.write_bytes(b"<svg/>")
    _, error = ready("account", "set", "marie@example.org", "--photo", photo, language="fr", expect=1)
    assert "ni un JPEG ni un PNG" in error
    ready("account", "set", "marie@example.org", "--photo", ready.folder / "none", expect=1)
    ready("account", "set", "marie@example.org", "--photo", photo, "--no-photo", expect=2)

    ready("alias", "add", "boss@example.org", "marie@example.org")
    assert "leave boss@example.org out" in ready("alias", "set", "boss@example.org", "--hidden")[0]
    assert ready.json("alias", "list")[0]["hidden"] is True
    ready("alias", "set", "boss@example.org", expect=2)
    ready("list", "add", "team@example.org", "--hidden")
    assert ready.json("list", "show", "team@example.org")["hidden"] is True
    assert ready.json("list", "set", "team@example.org", "--visible")["hidden"] is False


def test_passwords_come_from_a_file_or_are_made_up_and_shown_once(ready):
    secret = ready.folder / "secret"
    secret.write_text("from a file\nsecond line\n")
    assert "password" not in ready.json("account", "add", "paul@example.org", "--password-file", secret)
    made = ready.json("account", "add", "anna@example.org")["password"]
    assert len(made) > 15
    shown, _ = ready("account", "password", "anna@example.org")
    assert "shown only now" in shown
    assert made not in shown
    _, error = ready("account", "password", "anna@example.org", "--password-file", "-", stdin="\n", expect=1)
    assert "no password on its first line" in error


def test_refusals_are_one_line_and_exit_1(ready):
    _, error = ready("account", "add", "marie@example.org", "--password-file", "-", stdin="some password", expect=1)
    assert error.count("\n") == 1
    assert "marie@example.org" in error
    _, error = ready("account", "add", "x@nowhere.test", "--password-file", "-", stdin="some password", expect=1)
    assert "nowhere.test" in error
    _, error = ready("domain", "add", "example.org", "--json", expect=1)
    assert json.loads(error)["error"]["code"] == "alreadyexists"
    ready("account", "set", "marie@example.org", expect=2)
    ready("account", "set", "marie@example.org", "--storage", "12 parsecs", expect=2)


def test_domains_come_back_with_their_accounts(ready):
    ready("domain", "remove", "example.org")
    assert ready.json("domain", "list") == []
    ready("domain", "restore", "example.org")
    (row,) = ready.json("domain", "list")
    assert (row["name"], row["accounts"]) == ("example.org", 1)


def test_aliases(ready):
    ready("alias", "add", "contact@example.org", "marie@example.org", "someone@elsewhere.test")
    (row,) = ready.json("alias", "list", "--target", "marie@example.org")
    targets = ["marie@example.org", "someone@elsewhere.test"]
    assert row == {"alias": "contact@example.org", "targets": targets, "hidden": False}
    ready("alias", "remove", "contact@example.org", "someone@elsewhere.test")
    assert ready.json("alias", "list")[0]["targets"] == ["marie@example.org"]
    ready("alias", "remove", "contact@example.org")
    assert ready.json("alias", "list") == []


def test_application_passwords(ready):
    made = ready.json("account", "app-password", "add", "marie@example.org", "--label", "phone", "--service", "imap")
    assert made["password"]
    (row,) = ready.json("account", "app-password", "list", "marie@example.org")
    assert (row["label"], row["services"]) == ("phone", ["imap"])
    assert "password" not in row
    ready("account", "app-password", "remove", "marie@example.org", row["id"])
    assert ready.json("account", "app-password", "list", "marie@example.org") == []


def test_plans_and_their_names_in_both_languages(ready):
    plans = {row["id"]: row for row in ready.json("plan", "list")}
    assert (plans["basic"]["storage"], plans["premium"]["storage"]) == (GB, 25 * GB)
    assert (plans["shex"]["storage_min"], plans["shex"]["storage_max"]) == (2 * GB, 60 * GB)
    ready("plan", "set", "premium", "--storage", "30G")
    assert ready.json("account", "show", "marie@example.org")["storage_limit"] == 30 * GB
    assert "30\N{NO-BREAK SPACE}Go" in ready("plan", "list", language="fr")[0]


def test_mail_is_sent_on_until_it_is_not(ready):
    where = ("account", "set", "marie@example.org")
    ready(*where, "--forward", "Marie@elsewhere.test", "--forward", "m@example.org", "--no-local-copy")
    shown = ready.json("account", "show", "marie@example.org")
    assert (shown["forward"], shown["forward_copy"]) == (["Marie@elsewhere.test", "m@example.org"], False)
    ready(*where, "--local-copy")
    assert ready.json("account", "show", "marie@example.org")["forward_copy"] is True
    _, error = ready(*where, "--forward", "marie+tag@example.org", expect=1)
    assert "itself" in error
    ready(*where, "--no-forward", "--forward", "x@elsewhere.test", expect=2)
    ready(*where, "--no-forward")
    assert ready.json("account", "show", "marie@example.org")["forward"] == []


def test_a_catch_all_comes_and_goes(ready):
    for gone in ("none", ""):
        ready("domain", "set", "example.org", "--catch-all", "marie@example.org")
        assert ready.json("domain", "list")[0]["catch_all"] == "marie@example.org"
        ready("domain", "set", "example.org", "--catch-all", gone)
        assert ready.json("domain", "list")[0]["catch_all"] is None
