"""What an uploaded file is, judged by its bytes: taken as it is, written anew, or refused."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ondi.files.imaging import IDLE
from ondi.files.kinds import CSV, HEIC, IMAGES, JPEG, TEXT, kind_of

TYPE_MISMATCH, MALFORMED, TOO_LARGE = "type_mismatch", "malformed", "too_large"
SECONDS = 30  # by the clock; of the processor it has fewer
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: why it is refused, or empty; then what is kept: its type, size and place, and of an image its measures
    and smaller forms."""

    reason: str = ""
    content_type: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None
    main: Path | None = None
    view: Path | None = None
    thumbnail: Path | None = None


def examine(source: Path, *, claimed: str, folder: Path, idle: bool = False) -> Verdict:
    """Look at a file that says it is of this type; what is written anew goes into the folder.

    `idle`: a picture waits until others leave the processor to it, within `SECONDS`.
    Raises `OSError` where the disk fails, `TimeoutError` where the machine is too busy, neither for what the bytes are.
    """
    if not source.stat().st_size:
        return Verdict(MALFORMED)
    kind = kind_of(source)
    if kind == TEXT and claimed == CSV:
        kind = CSV
    if kind != claimed:
        return Verdict(TYPE_MISMATCH)
    if kind not in IMAGES:
        return Verdict(content_type=kind, size=source.stat().st_size, main=source)
    written = folder / "written"
    written.mkdir()
    said = _written_anew(kind, source, written, idle=idle)
    if "reason" in said:
        return Verdict(str(said["reason"]))
    main = written / "main"
    return Verdict(
        content_type=JPEG if kind == HEIC else kind, size=main.stat().st_size, width=int(said["width"]),
        height=int(said["height"]), main=main, view=written / "view", thumbnail=written / "thumbnail",
    )  # fmt: skip


def _written_anew(kind: str, source: Path, folder: Path, *, idle: bool = False) -> dict[str, str | int]:
    """What the process says that writes it (`imaging`): killed at its limits, it was too large; crashed, malformed.

    It knows of us where its libraries are, and no more. Raises `OSError` where the disk fails, `TimeoutError` where the
    machine is too busy.
    """
    command = [sys.executable, "-m", "ondi.files.imaging", kind, str(source.resolve()), str(folder.resolve())]
    if idle:
        command.append(IDLE)
    try:
        ended = subprocess.run(  # noqa: S603 - our own
            command, cwd=ROOT, env={"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder)}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:  # all others go first: its limit is one of the processor's time
        raise TimeoutError("no time for a picture") from error
    if ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGXFSZ):
        return {"reason": TOO_LARGE}
    if ended.returncode:
        return {"reason": MALFORMED}
    said: dict[str, str | int] = json.loads(ended.stdout)
    if "trouble" in said:
        raise OSError(said["trouble"], os.strerror(int(said["trouble"])))
    return said
