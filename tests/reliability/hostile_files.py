"""`make hostile`: every file of the corpus through the process that reads pictures, as a worker does it.

Each gets the verdict that its table says, nothing of a picture is left but what is seen, it stands upright, and the
process takes less than 256 MB. `python -m tests.reliability.hostile_files WORDS`: only groups that begin with them.
"""

import functools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.files.corpus import corpus
from tests.files.hostile import MOST_MEMORY, looked_at

say = functools.partial(print, flush=True)


def main(words: str = "") -> int:
    cases = [case for case in corpus() if case.group.startswith(words)]
    begun, peak, slowest, verdicts, bad = time.monotonic(), 0, 0.0, Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for case, answer, faults in looked_at(cases, Path(folder)):
            verdicts[answer.get("reason") or "ready"] += 1
            if faults:
                bad += 1
                say(f"{case.group} | {case.name} | {case.claimed}: {', '.join(faults)}")
            if answer.get("peak", 0) > peak:
                peak = answer["peak"]
                say(f"{peak} MB: {case.group} | {case.name}")
            if answer.get("seconds", 0) > max(slowest, 1):
                slowest = answer["seconds"]
                say(f"{slowest:.1f} s: {case.group} | {case.name}")
    say(f"{len(cases)} files in {time.monotonic() - begun:.0f} s: {dict(verdicts)}; {bad} not as they must be.")
    say(f"The largest process took {peak} MB (at most {MOST_MEMORY}), the slowest {slowest:.1f} s.")
    return 1 if bad or sum(verdicts.values()) < len(cases) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
