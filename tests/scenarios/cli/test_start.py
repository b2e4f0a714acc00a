"""init, config, help and errors."""

import json
import socket
import stat
import tomllib

import pytest

PEOPLE = ["claire.martin@demo.test", "james.walker@demo.test", "sophie.bernard@demo.test"]


def test_init_makes_what_is_missing_and_keeps_what_is_there(program):
    made = {item["what"]: item["made"] for item in program.json("init", "--data", program.data)}
    assert made == {"config": True, "database": True, "certificate": True}
    program.config.write_text(program.config.read_text() + "\n# my own words\n")
    key = (program.data / "tls/key.pem").read_bytes()

    kept = {item["what"]: item["made"] for item in program.json("init", "--data", program.data)}

    assert kept == {"config": False, "database": False, "certificate": False}
    assert "# my own words" in program.config.read_text()
    assert (program.data / "tls/key.pem").read_bytes() == key


def test_secrets_are_for_the_owner_alone(program):
    program("init", "--data", program.data)
    for name in (".", "directory.sqlite", "tls/key.pem"):
        assert not stat.S_IMODE((program.data / name).stat().st_mode) & 0o077, name


@pytest.mark.parametrize(("ports", "imap"), [("standard", "*:143"), ("high", "127.0.0.1:1143")])
def test_init_writes_a_configuration_that_is_in_order(program, ports, imap):
    program("init", "--data", program.data, "--hostname", "mail.example.org", "--ports", ports)
    written = tomllib.loads(program.config.read_text())
    assert written["server"] | {"hostname": "mail.example.org"} == written["server"]
    assert {"protocol": "imap", "address": imap, "tls": "starttls"} in written["listener"]
    spoken = {entry["protocol"] for entry in written["listener"]}
    assert spoken >= {"imap", "pop3", "smtp", "submission", "lmtp", "managesieve", "http", "ldap"}
    assert program.json("config", "check")["ok"]
    shown, _ = program("config", "show")
    assert tomllib.loads(shown)["server"]["hostname"] == "mail.example.org"
    again = program.data / "again.toml"
    again.write_text(shown)
    assert program("--config", again, "config", "show")[0] == shown


def test_an_unknown_key_is_named_with_the_nearest_one(program):
    program("init", "--data", program.data)
    program.config.write_text(program.config.read_text().replace("hostname =", "hostnam ="))
    _, error = program("config", "check", expect=1)
    assert 'unknown key "hostnam"; did you mean "hostname"?' in error


def test_config_check_finds_what_is_missing(program):
    program("init", "--data", program.data)
    (program.data / "tls/key.pem").unlink()
    answer = program.json("config", "check", expect=3)
    assert not answer["ok"]
    assert "key.pem" in answer["warnings"][0]


def test_config_check_asks_the_filters_in_line(program):
    program("init", "--data", program.data)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        tables = f'[[milter]]\naddress = "{address}"\n[[milter]]\nname = "lost"\naddress = "unix:/nowhere/socket"\n'
        listener = '[[listener]]\nprotocol = "smtp"\naddress = "127.0.0.1:2525"\n'
        data = f'[server]\ndata = "{program.data}"\n'
        program.config.write_text(data + tables + listener)
        warnings = program.json("config", "check", expect=3)["warnings"]
        assert any(address in one and "refused" in one for one in warnings)
        assert any("lost" in one and "No such file" in one for one in warnings)
        program.config.write_text(data + tables.replace("name", 'protocols = ["submission"]\nname') + listener)
        warnings = program.json("config", "check", expect=3, language="fr")["warnings"]
        assert any("lost" in one and "ne voit rien" in one for one in warnings)


def test_without_a_configuration_the_way_on_is_told(program):
    _, error = program("account", "list", expect=1)
    assert error.count("\n") == 1
    assert "optimails init --data DIR" in error
    _, error = program("--config", "nowhere.toml", "account", "list", expect=1)
    assert "nowhere.toml" in error


def test_help_in_both_languages_for_every_command(program):
    english, _ = program("--help")
    french, _ = program("--help", language="fr")
    assert "Commands:" in english
    assert "Commandes\N{NO-BREAK SPACE}:" in french
    names = [line.split()[0] for line in english.partition("Commands:")[2].splitlines() if line[2:3].isalpha()]
    assert {"init", "serve", "account", "doctor", "undelete"} <= set(names)
    assert "Affiche cette aide" in program("account", "app-password", "add", "--help", language="fr")[0]


@pytest.mark.parametrize("place", ["--json account list", "account --json list", "account list --json"])
def test_json_may_stand_anywhere(ready, place):
    assert [row["address"] for row in json.loads(ready(*place.split())[0])] == ["marie@example.org"]


def test_a_wrong_line_is_a_usage_error(program):
    _, error = program("acount", expect=2)
    assert "No such command 'acount'." in error
    _, error = program("account", "add", expect=2, language="fr")
    assert "Il manque l\N{RIGHT SINGLE QUOTATION MARK}argument 'ADDRESS'" in error
    _, error = program("account", "add", "--json", expect=2)
    assert json.loads(error)["error"]["code"] == "usage"


def test_a_port_in_use_is_named_with_its_setting(program):
    program("init", "--data", program.data, "--ports", "high")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        program.config.write_text(program.config.read_text().replace("127.0.0.1:1143", f"127.0.0.1:{port}"))
        _, error = program("serve", expect=1)
    assert f"Port {port} " in error
    assert "[[listener]] number 1" in error
    assert str(program.config) in error


def test_the_demo_is_made_once_and_kept(program):
    first = program.json("demo", "--data", program.data, "--no-serve")
    assert [account["login"] for account in first["accounts"]] == PEOPLE
    assert [account["plan"] for account in first["accounts"]] == ["premium", "basic", "shex"]
    before = {row["address"]: row["messages"] for row in program.json("quota", "show")}
    assert min(before.values()) >= 10
    shown = program.json("calendar", "list", PEOPLE[0])
    assert {row["name"]: row["items"] for row in shown} == {"calendar": 4, "tasks": 2}
    assert program.json("contacts", "list", PEOPLE[0])[0]["items"] == 3

    assert program.json("demo", "--data", program.data, "--no-serve") == first
    assert {row["address"]: row["messages"] for row in program.json("quota", "show")} == before
    printed, _ = program("demo", "--data", program.data, "--no-serve", language="fr")
    assert all(account["password"] in printed and account["login"] in printed for account in first["accounts"])
    assert "Les comptes pour se connecter" in printed
