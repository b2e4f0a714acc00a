"""Whoever looks into somebody's mail or changes an account leaves a line."""


def test_acts_on_other_people_s_data_are_on_record(ready, tmp_path):
    ready("export", tmp_path / "mail", "--account", "marie@example.org")
    ready("undelete", "--account", "marie@example.org")
    ready("account", "list")
    acts = ready.json("log", "--about", "marie@example.org")
    assert [entry["act"] for entry in acts][-2:] == ["export", "undelete"]
    assert all(entry["actor"] and entry["time"] for entry in acts)
    assert "password" not in str([entry["details"] for entry in acts]).replace("password_file", "")
