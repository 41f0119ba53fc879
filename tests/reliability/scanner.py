"""A real `clamd` with a signature of our own, asked as workers ask it: no network, and nothing of ClamAV's signatures.

`python -m tests.reliability.scanner`; says so and ends well where Debian's `clamav-daemon` is not installed.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ondi.files.scanning import ScannerAway, scan
from tests.files.corpus import EICAR, JPEG, photo, zipped
from tests.reliability.product import free_port

STARTS_WITHIN = 30  # seconds
MOST_BYTES = 26_214_400  # of a file of ours, and as Debian sets it up (`StreamMaxLength`, `MaxFileSize`)

say = functools.partial(print, flush=True)


@contextmanager
def clamd(program: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Its two addresses: a socket's path and a port."""
    signatures, path, port = folder / "signatures", folder / "socket", free_port()
    signatures.mkdir()
    (signatures / "own.ndb").write_text(f"Own.Eicar:0:*:{EICAR[:40].hex()}\n")
    (folder / "clamd.conf").write_text(
        f"DatabaseDirectory {signatures}\nLocalSocket {path}\nTCPSocket {port}\nTCPAddr 127.0.0.1\nForeground yes\n"
        f"StreamMaxLength 25M\nMaxFileSize 25M\nLogFile {folder / 'log'}\nTemporaryDirectory {folder}\n"
    )
    daemon = subprocess.Popen([program, "--config-file", str(folder / "clamd.conf")])
    try:
        ends = time.monotonic() + STARTS_WITHIN
        while not path.exists() and daemon.poll() is None and time.monotonic() < ends:
            time.sleep(0.1)
        yield f"unix:{path}", f"tcp://127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


def main() -> int:
    program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")
    if program is None:
        say("No clamd here: make hostile-deps installs it. Not tried.")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        tries = {
            "clean": (b"hello", None), "a picture": (photo(JPEG, 800, 600), None),
            "EICAR": (EICAR, "Own.Eicar.UNOFFICIAL"),
            "EICAR behind a picture": (photo(JPEG, 80, 60) + EICAR, "Own.Eicar.UNOFFICIAL"),
            "EICAR in an archive": (zipped(x=EICAR), "Own.Eicar.UNOFFICIAL"), "nothing": (b"", None),
            "EICAR at the end of the largest": (EICAR.rjust(MOST_BYTES), "Own.Eicar.UNOFFICIAL"),
            "too long for it": (bytes(MOST_BYTES + 1_000_000), ScannerAway),
        }  # fmt: skip
        bad = 0
        with clamd(program, folder) as addresses:
            for address in addresses:
                for label, (body, expected) in tries.items():
                    (folder / "file").write_bytes(body)
                    found = asked(folder / "file", address)
                    bad += found != expected
                    say(f"{address[:4]}, {label}: {found}", "" if found == expected else f", not {expected}")
        gone = asked(folder / "file", addresses[0])
        bad += gone is not ScannerAway
        say(f"ended: {gone}")
    return 1 if bad else 0


def asked(path: Path, address: str) -> object:
    try:
        return scan(path, address=address, timeout=10)
    except ScannerAway as away:
        say(f"  away: {away}")
        return ScannerAway


if __name__ == "__main__":
    sys.exit(main())
