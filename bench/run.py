#!/usr/bin/env python3
"""``make bench``: start a fresh service, let the driver measure it, stop it. Arguments go to the driver."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

OURS = Path(__file__).with_name("ours.py")


def main() -> int:
    driver = os.environ.get("BENCH_DRIVER")
    if not driver or not Path(driver).is_file():
        print("bench: set BENCH_DRIVER to the path of mailbench.py (see bench/README.md)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="optimails-bench-") as folder:
        subprocess.run([sys.executable, OURS, "up", folder], check=True)
        try:
            return subprocess.run(
                [sys.executable, driver, "--peer", f"{folder}/peer.json", *sys.argv[1:]], check=False
            ).returncode
        finally:
            subprocess.run([sys.executable, OURS, "down", folder], check=False)


if __name__ == "__main__":
    sys.exit(main())
