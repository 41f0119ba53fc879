"""`make stop`: end what `make serve` started on this data folder."""

import os
import signal
import sys
import time
from pathlib import Path

from ondi import embedded_postgres

PID_FILE, SETTINGS_FILE = "serve.pid", "serve.env"
WAIT_SECONDS = 30


def main() -> None:
    pid = serving()
    if not pid:
        sys.exit("Nothing to stop: make serve does not run on this data folder.")
    os.kill(pid, signal.SIGTERM)
    for _tick in range(WAIT_SECONDS * 10):
        if not _serves(pid):
            sys.stdout.write("Stopped.\n")
            return
        time.sleep(0.1)  # it is no child of ours, and cannot be waited for
    sys.exit(f"Process {pid} has not ended after {WAIT_SECONDS} seconds.")


def serving() -> int:
    """The process of the `make serve` that runs on this data folder; 0 where none does."""
    pid_file = embedded_postgres.data_directory() / PID_FILE
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return 0
    return pid if _serves(pid) else 0


def settings_of_serving() -> dict[str, str]:
    """The settings that a development's `make serve` on this data folder runs with; none where it does not run."""
    if not serving():
        return {}
    settings_file = embedded_postgres.data_directory() / SETTINGS_FILE
    try:
        lines = settings_file.read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _serves(pid: int) -> bool:
    """Is this process a `make serve`? A number may have gone to another process since it was written down."""
    try:
        return b"ondi.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    main()
