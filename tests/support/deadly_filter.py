"""A filter worker with an analyser that does what a hole in a parser would do, when the message says so."""

import os
import signal
import socket

from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from securemail.workers.child import main


class Deadly:
    name = "deadly"
    version = "1"

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        del context
        match examined.subject:
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "loop":
                while True:
                    pass
            case "sleep":
                signal.pause()
            case "eat":
                held = []
                while True:
                    held.append(bytearray(10_000_000))
            case "raise":
                raise ValueError("a mistake of ours")
            case "call":
                with socket.socket() as one:
                    one.settimeout(2)
                    one.connect(("127.0.0.1", int(examined.field("x-port"))))
                return [Fact("REACHED_THE_NETWORK", 1.0)]
            case "pid":
                return [Fact("PID", 0.0, (str(os.getpid()),))]
        return [Fact("SEEN", 0.0)]


if __name__ == "__main__":
    main(lambda: (Deadly(),))
