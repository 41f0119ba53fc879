"""What runs beside the web workers of `make serve`: started, started again where it dies, ended with it.

Production has a supervisor of its own, which runs `manage.py work` and `manage.py stream` as services.
"""

import contextlib
import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_PAUSE, LONGEST_PAUSE, LONG_ENOUGH = 0.5, 30.0, 60.0  # seconds
ENDS_WITHIN, KEEPER_ENDS_WITHIN = 10, 15
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def beside(*commands: Sequence[str]) -> Iterator[None]:
    """Run these of `manage.py` meanwhile, in sessions of their own: Ctrl-C is for this process, which ends them."""
    keepers = [
        subprocess.Popen(
            [sys.executable, "-m", "ondi.beside", *command],
            cwd=ROOT, start_new_session=True, preexec_fn=_die_with_parent,
        )
        for command in commands
    ]  # fmt: skip
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.terminate()
        for keeper in keepers:
            _wait_for(keeper, KEEPER_ENDS_WITHIN)


def keep(command: list[str]) -> None:
    """Run a command, again whenever it ends, after a pause that grows while it ends soon; until SIGTERM."""
    child, pause = None, FIRST_PAUSE
    try:
        while True:
            begun = time.monotonic()
            child = subprocess.Popen(command, cwd=ROOT, preexec_fn=_die_with_parent)
            child.wait()
            pause = FIRST_PAUSE if time.monotonic() - begun > LONG_ENOUGH else min(pause * 2, LONGEST_PAUSE)
            sys.stderr.write(f"{' '.join(command[1:])} ended with {child.returncode}; again in {pause:.0f} s\n")
            time.sleep(pause)  # before the next try: what ends at once would take a core
    except SystemExit:
        if child is not None:
            child.terminate()
            _wait_for(child, ENDS_WITHIN)
        raise


def _wait_for(child: "subprocess.Popen[bytes]", seconds: int) -> None:
    """Let it end; by force where it takes longer."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _die_with_parent() -> None:
    """However the parent ends, by SIGKILL too."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _leave(*_signal: object) -> None:
    """At the first signal. A second one would break off the wait for the child, who keeps the database up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, _leave)
    keep([sys.executable, "manage.py", *(sys.argv[1:] or ["work"])])


if __name__ == "__main__":
    main()
