"""What the children in ``benchmarks.forks`` do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def nothing() -> int:
    """End at once."""
    return 0


def tell_and_wait(path: str) -> int:
    """Write down what this process is and sees, start a program, and stay."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    seen = {"pid": os.getpid(), "parent": os.getppid(), "program": program.pid, "keys": "A_SECRET_KEY" in os.environ}
    beside = Path(path + ".new")
    beside.write_text(json.dumps(seen), encoding="ascii")
    beside.rename(path)
    time.sleep(600)
    return 0
