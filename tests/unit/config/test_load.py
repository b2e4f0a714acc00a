"""The configuration file: what it may say, and what is said about mistakes."""
# ruff: noqa: E501 - one line for a file and what is said about it

from pathlib import Path

import pytest

from optimails.config import Config, ConfigError, Protocol, TlsMode, load, parse, read_secret, reference
from optimails.config.listener import host_and_port

FILE = Path("/somewhere/optimails.toml")


def problems(text, environ=None):
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE, environ or {})
    return caught.value.problems


def test_an_empty_file_has_all_defaults_and_paths_from_its_folder():
    config = parse("", FILE, {})
    assert config.server.data == Path("/somewhere")
    assert config.tls.certificate == Path("/somewhere/tls/certificate.pem")
    assert config.listener == ()
    assert config.log.file is None


def test_paths_may_be_absolute_or_start_from_the_folder_of_the_file():
    config = parse('[server]\ndata = "/mail"\n[log]\nfile = "log/all"\n[directory]\npassword_file = "pw"', FILE, {})
    assert config.server.data == Path("/mail")
    assert config.log.file == Path("/somewhere/log/all")
    assert config.directory.password_file == Path("/somewhere/pw")


def test_listeners():
    config = parse(
        """
        [[listener]]
        protocol = "imap"
        address = "[::]:143"
        [[listener]]
        protocol = "lmtp"
        address = "*:24"
        tls = "none"
        proxy_protocol = true
        proxies = ["192.0.2.0/24", "2001:db8::/32"]
        name = "inside"
        [[listener]]
        protocol = "http"
        address = "127.0.0.1:8080"
        """,
        FILE,
        {},
    )
    imap, lmtp, http = config.listener
    assert (imap.protocol, imap.host, imap.port, imap.tls, imap.label) == (
        Protocol.IMAP,
        "::",
        143,
        TlsMode.STARTTLS,
        "imap-143",
    )
    assert (lmtp.host, lmtp.tls, lmtp.label, len(lmtp.proxies)) == ("", TlsMode.NONE, "inside", 2)
    assert http.tls is TlsMode.NONE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[server]\nhostnam = "x"', '[server] unknown key "hostnam"; did you mean "hostname"?'),
        ("[servr]", 'unknown table [servr]; did you mean "server"?'),
        ('[server]\nciphers = "x"', '[server] unknown key "ciphers"; there is such a key in [tls]'),
        ("[management]\nzzz = 1", '[management] unknown key "zzz"; known are: address, minimum_free'),
        ('[[listener]]\nprotocol = "imap"\nadress = "x"', '[[listener]] number 1 unknown key "adress"; did you mean "address"?'),
        ('[[listener]]\nprotocol = "imap"', "[[listener]] number 1 address: is missing"),
        ('[server]\nworkers = "many"', "[server] workers: must be a whole number, not 'many'"),
        ("[server]\nworkers = 1.5", "[server] workers: must be a whole number, not 1.5"),
        ("[server]\nworkers = -1", "[server] workers: must be at least 0, not -1"),
        ("[server]\nworkers = 1000", "[server] workers: must be at most 256, not 1000"),
        ("[server]\nhostname = 5", "[server] hostname: must be text in quotes, not 5"),
        ("[server]\ndata = 5", "[server] data: must be a path in quotes, not 5"),
        ('[server]\njobs = "perhaps"', "[server] jobs: must be true or false, not 'perhaps'"),
        ("server = 5", "[server]: must be a table, not 5"),
        ("listener = 5", "[listener]: must be a list, not 5"),
        ('[log]\nlevel = "debg"', "[log] level: must be 'debug', 'info', 'warning' or 'error', not 'debg'; did you mean \"debug\"?"),
        ('[management]\naddress = "here"', '[management] address: must have the form "host:port", such as "127.0.0.1:143" or "[::1]:143"'),
        ('[[listener]]\nprotocol = "imap"\naddress = "::1:143"', '[[listener]] number 1 address: an IPv6 address stands in brackets, such as "[::1]:143"'),
        ('[[listener]]\nprotocol = "http"\naddress = "*:80"\ntls = "starttls"', "[[listener]] number 1: http knows no starttls: tls must be implicit or none"),
        ('[[listener]]\nprotocol = "imap"\naddress = "*:143"\nproxy_protocol = true', "[[listener]] number 1: proxy_protocol is switched on: proxies must name the networks of the load balancers"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(text, told):
    assert problems(text) == [told]


def test_every_mistake_is_told_at_once():
    assert len(problems('[server]\nhostnam = "x"\nworkers = "y"\n[log]\nlevel = 3')) == 3


def test_two_listeners_cannot_have_one_address():
    one = '[[listener]]\nprotocol = "imap"\naddress = "127.0.0.1:143"\n'
    assert "127.0.0.1:143" in problems(one + one)[0]


def test_what_is_not_toml_is_told_with_its_line():
    assert "line 2" in problems("[server]\nhostname = x\n")[0]


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "odd.toml", {})


def test_the_environment_overrides_the_file():
    config = parse(
        '[server]\nhostname = "file"\n[[listener]]\nprotocol = "imap"\naddress = "*:143"',
        FILE,
        {
            "OPTIMAILS__SERVER__HOSTNAME": "5.example",
            "OPTIMAILS__SERVER__WORKERS": "3",
            "OPTIMAILS__SERVER__JOBS": "false",
            "OPTIMAILS__LISTENER__0__ADDRESS": "*:1143",
            "OPTIMAILS__LISTENER__1__PROTOCOL": "pop3",
            "OPTIMAILS__LISTENER__1__ADDRESS": "*:1110",
            "OPTIMAILS__LOGIN__ALLOW": '["10.0.0.0/8"]',
            "HOME": "/root",
        },
    )
    assert (config.server.hostname, config.server.workers, config.server.jobs) == ("5.example", 3, False)
    assert [listener.port for listener in config.listener] == [1143, 1110]
    assert str(config.login.allow[0]) == "10.0.0.0/8"


def test_a_mistake_in_the_environment_names_the_variable():
    told = problems("", {"OPTIMAILS__SERVER__WORKERS": "many"})
    assert told == [
        "[server] workers: must be a whole number, not 'many' (from the environment variable OPTIMAILS__SERVER__WORKERS)"
    ]
    assert "names no key" in problems("", {"OPTIMAILS__LISTENER__7__ADDRESS": "x"})[0]
    assert "names no key" in problems('[server]\nhostname = "x"', {"OPTIMAILS__SERVER__HOSTNAME__X": "y"})[0]


@pytest.mark.parametrize("address", ["", "host", ":x", "[::1]", "a:b:1", "x:70000", "[::1:1", "h:²"])
def test_addresses_that_are_none(address):
    with pytest.raises(ValueError, match=r"must have the form|brackets"):
        host_and_port(address)


def test_secrets_are_the_first_line_of_a_file(tmp_path):
    (tmp_path / "secret").write_bytes(b" word \r\nnot this")
    assert read_secret(tmp_path / "secret") == " word "
    (tmp_path / "empty").write_bytes(b"\n")
    with pytest.raises(ValueError, match="no secret"):
        read_secret(tmp_path / "empty")


def test_every_key_is_described_in_the_reference():
    page = reference()
    for table, field in Config.model_fields.items():
        assert f"[{table}]" in page
        section = field.annotation if isinstance(field.annotation, type) else field.annotation.__args__[0]
        for key, inner in section.model_fields.items():
            assert inner.description, f"[{table}] {key} has no description"
            assert f"| `{key}` |" in page


def test_what_is_deployed_beside_postfix_is_a_configuration():
    folder = Path(__file__).parents[3] / "deploy/postfix"
    config = parse((folder / "optimails.toml").read_text(), folder / "optimails.toml", {})
    assert config.smtp.xforward_networks == config.smtp.lmtp_networks
    assert config.outbound_route[0].tls == "verified"


def test_milters_are_checked():
    table = '[[milter]]\naddress = "{}"\n'
    assert "names no host" in problems(table.format(":11332"))[0]
    assert "absolute" in problems(table.format("unix:socket"))[0]
    assert "two milter tables have the name unix:/a" in problems(table.format("unix:/a") * 2)[0]
    assert "a listener that is not there: smtp-25" in problems(table.format("unix:/a") + 'listeners = ["smtp-25"]')[0]
