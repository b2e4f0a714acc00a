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
