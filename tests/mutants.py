"""`make mutants`: take out one condition at a time and see whether the suite notices.

Works on copies of the checkout. Each mutant first meets the tests that ought to notice it, then, if they do
not, the whole suite. Exits with 1 when one goes unnoticed or its words are no longer in the code.
`MUTANTS=word` runs those whose file or words hold the word.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.mutants_list import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
WHOLE_SUITE = ("tests", "--ignore=tests/reliability", "--ignore=tests/security", "--ignore=tests/platform")
LIMIT = 600


def main() -> None:
    chosen = [mutant for mutant in MUTANTS if os.environ.get("MUTANTS", "") in f"{mutant.file} {mutant.before}"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copies: Queue[Path] = Queue()
        for number in range(WORKERS):
            copies.put(copy_of_the_checkout(Path(folder) / str(number)))
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(lambda mutant: judge(mutant, copies), chosen))
    bad = [verdict for verdict in verdicts if not verdict.startswith("noticed")]
    print(f"\n{len(chosen)} mutants, {len(chosen) - len(bad)} noticed, {len(bad)} not.")  # noqa: T201
    sys.exit(bool(bad))


def copy_of_the_checkout(folder: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def judge(mutant: Mutant, copies: "Queue[Path]") -> str:
    copy = copies.get()
    try:
        verdict = _judged(mutant, copy)
    finally:
        copies.put(copy)
    words = " ".join(mutant.before.split())[:70]
    print(f"{verdict:32} {mutant.file}: {words}", flush=True)  # noqa: T201
    return verdict


def _judged(mutant: Mutant, copy: Path) -> str:
    path = copy / mutant.file
    original = path.read_text()
    pieces = original.split(mutant.before)
    if len(pieces) < mutant.which + 2:
        return "STALE: no such words"
    head, tail = mutant.before.join(pieces[: mutant.which + 1]), mutant.before.join(pieces[mutant.which + 1 :])
    try:
        path.write_text(head + mutant.after + tail)
        if fails(copy, mutant.tests):
            return "noticed"
        return "noticed by the whole suite" if fails(copy, *WHOLE_SUITE) else "NOT NOTICED"
    finally:
        path.write_text(original)


def fails(copy: Path, *tests: str) -> bool:
    """Whether these tests fail; a copy that does not even start counts."""
    environment = {**os.environ, "ONDI_DATA_DIR": str(copy / ".data"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--show-capture=no", *tests]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


if __name__ == "__main__":
    main()
