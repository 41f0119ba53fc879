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
    try:
        pid = int(pid_file.read_text())
        is_ours = b"ondi.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        sys.exit("Nothing to stop: make serve does not run on this data folder.")
    os.kill(pid, signal.SIGTERM)
    for _tick in range(WAIT_SECONDS * 10):
        if not Path(f"/proc/{pid}").exists():
            sys.stdout.write("Stopped.\n")
            return
        time.sleep(0.1)
    sys.exit(f"Process {pid} has not ended after {WAIT_SECONDS} seconds.")


if __name__ == "__main__":
    main()
