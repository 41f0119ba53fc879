"""`make stop`: end what `make serve` started on this data folder."""

import os
import signal
import sys
import time
from pathlib import Path

from ondi import embedded_postgres

PID_FILE = "serve.pid"
WAIT_SECONDS = 30


def main() -> None:
    pid_file = embedded_postgres.data_directory() / PID_FILE
    pid = int(pid_file.read_text()) if pid_file.exists() else 0
    if not _serves(pid):
        sys.exit("Nothing to stop: make serve does not run on this data folder.")
    os.kill(pid, signal.SIGTERM)
    for _tick in range(WAIT_SECONDS * 10):
        if not _serves(pid):
            sys.stdout.write("Stopped.\n")
            return
        time.sleep(0.1)  # it is no child of ours, and cannot be waited for
    sys.exit(f"Process {pid} has not ended after {WAIT_SECONDS} seconds.")


def _serves(pid: int) -> bool:
    """Is this process a `make serve`? A number may have gone to another process since it was written down."""
    try:
        return b"ondi.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    main()
