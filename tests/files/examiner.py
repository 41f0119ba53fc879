"""Looks at files as workers do, in a process that is small, so that what its children take can be measured.

`python -m tests.files.examiner alone`: each picture in a process of its own, as in the product. `together`: all of them
in this one, under the same limits. Lines in: type, source and folder, with tabs between. Lines out: JSON.
"""

import functools
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondi.files import imaging
from ondi.files.examining import examine

say = functools.partial(print, flush=True)


def alone(claimed: str, source: Path, folder: Path) -> dict[str, Any]:
    begun = time.monotonic()
    verdict = examine(source, claimed=claimed, folder=folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {
        "reason": verdict.reason, "content_type": verdict.content_type, "size": verdict.size, "width": verdict.width,
        "height": verdict.height, "peak": peak, "seconds": time.monotonic() - begun,
        "parts": [str(part) for part in (verdict.main, verdict.view, verdict.thumbnail) if part],
    }  # fmt: skip


def together(claimed: str, source: Path, folder: Path) -> dict[str, Any]:
    said = imaging.answer(claimed, source, folder)
    parts = [] if "reason" in said else [str(folder / name) for name in ("main", "view", "thumbnail")]
    content_type = "image/jpeg" if claimed == "image/heic" else claimed
    return {"reason": "", "content_type": content_type, "parts": parts, "peak": 0, "seconds": 0.0} | said


def main(way: Callable[[str, Path, Path], dict[str, Any]]) -> None:
    for line in sys.stdin:
        claimed, source, folder = line.rstrip("\n").split("\t")
        say(json.dumps(way(claimed, Path(source), Path(folder))))


if __name__ == "__main__":
    if sys.argv[1] == "together":
        imaging.bound(idle=False)
        main(together)
    else:
        main(alone)
