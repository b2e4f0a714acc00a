"""A client of Marionette, the remote control built into Thunderbird: JSON messages over TCP, each with its length.

Only what the tests need: scripts in the main window's chrome context, screenshots, quit.
"""

import base64
import json
import socket
from pathlib import Path
from typing import Any


class ScriptError(AssertionError):
    """A script threw, or Thunderbird refused the command."""


class Marionette:
    def __init__(self, port: int, timeout: float = 100) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._reader = self._socket.makefile("rb")
        self._serial = 0
        self._receive()  # the greeting: {"applicationType": "gecko", "marionetteProtocol": 3}

    def _receive(self) -> Any:
        digits = b""
        while (byte := self._reader.read(1)) != b":":
            if not byte:
                raise ConnectionError("Thunderbird closed the connection")
            digits += byte
        return json.loads(self._reader.read(int(digits)))

    def command(self, name: str, **parameters: object) -> Any:
        self._serial += 1
        message = json.dumps([0, self._serial, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise ScriptError(f"{name}: {error['error']}: {error['message']}\n{error.get('stacktrace', '')}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def start(self) -> None:
        """Open the session and go to the chrome context; fails while the main window is not there yet."""
        self.command("WebDriver:NewSession", capabilities={})
        self.command("WebDriver:SetTimeouts", script=60_000)
        self.command("Marionette:SetContext", value="chrome")

    def run(self, script: str, *arguments: object) -> Any:
        """The value of ``script``, the body of an asynchronous JavaScript function; ``args`` holds the arguments."""
        body = (
            "const done = arguments[arguments.length - 1]; const args = Array.from(arguments).slice(0, -1);"
            f"(async () => {{ {script} }})().then(value => done({{value}}),"
            " error => done({error: `${error} ${error && error.stack}`}));"
        )
        answer = self.command("WebDriver:ExecuteAsyncScript", script=body, args=list(arguments), sandbox="system")
        if "error" in answer:
            raise ScriptError(answer["error"])
        return answer.get("value")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.command("WebDriver:TakeScreenshot", full=True)))

    def close(self) -> None:
        self._socket.close()
