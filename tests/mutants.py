"""`make mutants`: take out one condition at a time and see whether the suite notices.

Works on copies of the checkout, each with a database server that stays up. Each mutant first meets the tests that
ought to notice it, then, if they do not, the whole suite. Exits with 1 when one goes unnoticed or its words are no
longer in the code. `MUTANTS=word` runs those whose file or words hold the word.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue

from tests.mutants_list import MUTANTS, WALL, Mutant

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
WHOLE_SUITE = ("tests", "--ignore=tests/reliability", "--ignore=tests/security", "--ignore=tests/platform")
LIMIT = 600
KEEP_UP = "import sys; from ondi.embedded_postgres import hold; hold(); print(flush=True); sys.stdin.read()"


def main() -> None:
    chosen = [mutant for mutant in MUTANTS if os.environ.get("MUTANTS", "") in f"{mutant.file} {mutant.before}"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        Path(folder).chmod(0o755)
        copies: Queue[Path] = Queue()
        for number in range(WORKERS):
            copy = copy_of_the_checkout(Path(folder) / str(number))
            servers.enter_context(database_of(copy))
            copies.put(copy)
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


@contextmanager
def database_of(copy: Path) -> Iterator[None]:
    """Keep the copy's private PostgreSQL up, which would else start and stop with each run."""
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEP_UP], cwd=copy, env=environment_of(copy), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    keeper.stdout.readline()
    try:
        yield
    finally:
        keeper.stdin.close()
        keeper.wait()


def environment_of(copy: Path) -> dict[str, str]:
    return {**os.environ, "ONDI_DATA_DIR": str(copy / ".data"), "PYTHONDONTWRITEBYTECODE": "1"}


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
        # A migration that is changed has to be run; for all other mutants the database is the same.
        template = "" if "/migrations/" in mutant.file or mutant.file == WALL else "mutants"
        if fails(copy, template, mutant.tests):
            return "noticed"
        return "noticed by the whole suite" if fails(copy, template, *WHOLE_SUITE) else "NOT NOTICED"
    finally:
        path.write_text(original)


def fails(copy: Path, template: str, *tests: str) -> bool:
    """Whether these tests fail; a copy that does not even start counts. `template`: a database not to migrate anew."""
    environment = environment_of(copy) | ({"TEST_TEMPLATE": template} if template else {})
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--show-capture=no", *tests]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


if __name__ == "__main__":
    main()
