"""A private rspamd that stands in line as a milter: rules of our own, no network, no modules of Debian's."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.free_ports import free_ports
from tests.support.programs import need

GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_CONFIG = """
options {{
    url_tld = "{dir}/tld";
    disable_hyperscan = true;
    filters = "";
    gtube_patterns = "all";
    pidfile = "{dir}/pid";
    control_socket = "{dir}/control mode=0600";
    temp_dir = "{dir}";
    hs_cache_dir = "{dir}";
    local_addrs = [];
    dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.05s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "info"; }}
actions {{ reject = 15; add_header = 6; greylist = null; }}
worker {{
    type = "rspamd_proxy";
    bind_socket = "127.0.0.1:{port}";
    count = 1;
    milter = yes;
    timeout = 20s;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
modules {{ path = "{dir}/modules"; }}
lua = "{dir}/rules.lua";
"""
_RULES = """
rspamd_config:register_symbol({
  name = 'SUSPICIOUS', score = 7.0,
  callback = function(task) return string.find(task:get_subject() or '', 'suspicious') ~= nil end,
})
rspamd_config:register_symbol({
  name = 'LAST_LINE', score = 20.0,
  callback = function(task)
    local body = tostring(task:get_rawbody())
    return string.find(body, 'the forbidden last line', math.max(1, #body - 100), true) ~= nil
  end,
})
rspamd_config:register_symbol({
  name = 'SEEN', type = 'idempotent',
  callback = function(task)
    local from = task:get_from('smtp')
    local tls = task:get_request_header('TLS-Version')
    local seen = string.format('%s from %s, %s, %s', task:get_user() or '-', task:get_from_ip():to_string(),
                               from and from[1].addr or '-', tls and tostring(tls) or 'no TLS')
    task:set_milter_reply({
      add_headers = { ['X-Seen-By-Rspamd'] = { value = seen, order = 0 } },
      remove_headers = { ['X-Forged'] = 0 },
    })
  end,
})
"""


class Rspamd:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self.folder / "modules").mkdir()
        (self.folder / "tld").write_text("org\nexample\ntest\n")
        (self.folder / "rules.lua").write_text(_RULES)
        config = self.folder / "rspamd.conf"
        config.write_text(_CONFIG.format(dir=self.folder, port=self.port))
        with (self.folder / "log").open("wb") as log:
            command = [need("rspamd"), "-f", "--insecure", "-c", config]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until, (self.folder / "log").read_text()
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@contextmanager
def rspamd() -> Iterator[Rspamd]:
    """One that runs."""
    need("rspamd")
    folder = Path(tempfile.mkdtemp(prefix="optimails-rspamd-"))
    server = Rspamd(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
