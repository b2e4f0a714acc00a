"""The real supervisor with toy workers."""

import os
import sys
from pathlib import Path

from optimails.config import load
from optimails.supervisor.serve import serve

if __name__ == "__main__":
    path = Path(sys.argv[1])
    command = (sys.executable, str(Path(__file__).with_name("toy_worker.py")))
    sys.exit(serve(load(path, os.environ), path, command=command))
