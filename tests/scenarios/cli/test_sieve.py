"""Scripts from the command line."""


def test_a_script_is_stored_activated_and_tried(ready, tmp_path):
    script = tmp_path / "sort.sieve"
    script.write_text('require "fileinto";\nif header :contains "subject" "offer" { fileinto "Offers"; }\n')
    message = tmp_path / "mail.eml"
    message.write_text("From: a@b.example\nSubject: An offer\n\nText\n")
    assert ready.json("sieve", "check", script) == {"script": "sort.sieve"}
    (action,) = ready.json("sieve", "check", script, message)
    assert action == {"action": "fileinto", "details": "mailbox=Offers"}
    ready("sieve", "put", "marie@example.org", "sort", script)
    assert ready.json("sieve", "list", "marie@example.org") == [{"name": "sort", "size": 81, "active": False}]
    ready("sieve", "activate", "marie@example.org", "sort")
    assert ready.json("sieve", "list", "marie@example.org")[0]["active"] is True
    assert ready("sieve", "show", "marie@example.org", "sort")[0] == script.read_text()
    out, _ = ready("sieve", "activate", "marie@example.org", language="fr")
    assert out.endswith("plus à marie@example.org.\n")
    assert ready.json("sieve", "list", "marie@example.org")[0]["active"] is False


def test_a_wrong_script_is_refused_with_its_place(ready, tmp_path):
    script = tmp_path / "wrong.sieve"
    script.write_text("keep;\nfileinto 'x';\n")
    for words in (("check", script), ("put", "marie@example.org", "x", script)):
        _, error = ready("sieve", *words, expect=1)
        assert "line 2, column 10" in error
    assert ready.json("sieve", "list", "marie@example.org") == []
    ready("sieve", "activate", "marie@example.org", "missing", expect=1)


def mail(folder, name, subject):
    (folder / name).write_text(f"From: a@b.example\nTo: marie@example.org\nSubject: {subject}\n\nText\n")


def test_a_script_runs_over_a_mailbox(ready, tmp_path):
    folder = tmp_path / "mails"
    folder.mkdir()
    for number in range(60):
        mail(folder, f"{number:02}.eml", "An offer" if number % 3 == 0 else "A letter")
    ready("import", "eml", folder, "--account", "marie@example.org")
    script = tmp_path / "sort.sieve"
    script.write_text(
        'require ["fileinto", "mailbox", "imap4flags"];\n'
        'if header :contains "subject" "offer" { fileinto :create "Offers"; } else { addflag "$Letter"; }\n'
    )
    apply = ("sieve", "apply", "--account", "marie@example.org")
    tried = ready.json(*apply, script, "--dry-run")
    assert tried["messages"] == 60
    assert [wish["actions"] for wish in tried["wishes"][:2]] == [["fileinto Offers", "discard"], ["+$Letter"]]
    out, _ = ready(*apply, script, "--dry-run", language="fr")
    assert "a été changé" in out
    done = ready.json(*apply, script, "--expunge")
    assert done == {"messages": 60, "actions": {"discard": 20, "fileinto": 20, "flags": 40}, "problems": []}
    again = ready.json(*apply, script)
    assert again == {"messages": 40, "actions": {}, "problems": []}
    offers = ready.json(*apply, "--mailbox", "Offers", script, "--dry-run")
    assert (offers["messages"], offers["wishes"]) == (20, [])  # filed where they are: they stay
    ready(*apply, "--mailbox", "Nowhere", script, expect=1)
    ready(*apply, "missing", expect=1)
    bad = tmp_path / "bad.sieve"
    bad.write_text('require "reject"; reject "No";')
    _, error = ready(*apply, bad, expect=3)
    assert "reject answers a delivery" in error


def test_scripts_of_the_service_are_checked_with_the_configuration(ready):
    with ready.config.open("a") as config:
        for name in ("missing", "wrong", "right"):
            config.write(f'\n[[imapsieve]]\nmailbox = "Junk"\nafter = "{name}.sieve"\n')
    (ready.data / "wrong.sieve").write_text("nonsense;")
    (ready.data / "right.sieve").write_text("keep;")
    before = ready.json("config", "check", expect=3)["warnings"]
    assert [name for name in ("missing", "wrong", "right") if any(f"{name}.sieve" in one for one in before)] == [
        "missing",
        "wrong",
    ]


def test_scripts_are_attached_to_mailboxes(ready, tmp_path):
    script = tmp_path / "x.sieve"
    script.write_text("keep;")
    address = "marie@example.org"
    ready("sieve", "attach", address, "x", expect=1)
    ready("sieve", "put", address, "x", script)
    assert ready.json("sieve", "attach", address, "x") == {"address": address, "mailbox": None, "script": "x"}
    ready("sieve", "attach", address, "x", "--mailbox", "Junk")
    assert ready.json("sieve", "mailboxes", address) == [
        {"mailbox": None, "script": "x", "trouble": None},
        {"mailbox": "Junk", "script": "x", "trouble": None},
    ]
    out, _ = ready("sieve", "mailboxes", address)
    assert "(all mailboxes)" in out
    ready("sieve", "attach", address, "--mailbox", "Junk")
    ready("sieve", "attach", address, "x", "--mailbox", "Nowhere", expect=1)
    assert [row["mailbox"] for row in ready.json("sieve", "mailboxes", address)] == [None]
    assert "sieve attach" in ready("log")[0]
