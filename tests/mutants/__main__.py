"""`make mutants`: take out one condition at a time and see whether the suite notices.

Mutants come from the syntax tree of the modules in `modules`, from the catalogue of the database (`database`), and from
`rows`, a few where neither has one. First all tests run once with nothing taken out, to see which come by which mutant.
Then each mutant meets those tests alone: first such as noticed its neighbors, then those that come by little else.
Exits with 1 when one goes unnoticed, or `exceptions` lists one that is not there. `MUTANTS=word,word` runs those whose
key holds one of the words; a key begins with its file and function.
"""

import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.mutants.exceptions import EXCEPTIONS
from tests.mutants.modules import ROOT, Modules

if TYPE_CHECKING:
    from tests.mutants.warm import Seen, Work

WORKERS = 2
# They start the product anew, so no mutant is in it, or send the same request in a thousand forms, or take filters out
# themselves, or migrate back and forth, which brings back what was taken out of the database.
LEFT_OUT = (
    "tests/e2e",
    "tests/reliability",
    "tests/benchmarks",
    "tests/clients",
    "tests/security",
    "tests/accounts/test_upgrade.py",
    "tests/api/test_generated.py",
    "tests/api/test_generated_client.py",
    "tests/api/test_schema.py",
    "tests/architecture/test_house.py",
    "tests/architecture/test_mutants.py",
    "tests/files/test_matrix.py::test_everybody_gets_of_every_file_what_the_table_says[database]",
    "tests/files/test_matrix.py::test_with_both_walls_gone_the_table_is_wrong",
    "tests/outbox/test_work.py",
    "tests/platform/test_backup.py",
    "tests/platform/test_bench_input.py",
    "tests/platform/test_command_line.py",
    "tests/platform/test_commands.py",
    "tests/platform/test_embedded_postgres.py",
    "tests/platform/test_keys.py",
    "tests/support/test_one_case.py::TestUpgrade",
    "tests/tenants/test_leaks.py::test_nothing_leaks_without_some_of_the_codes_filters",
    "tests/tenants/test_leaks.py::test_the_suite_would_see_a_leak",
)
# What these and a tenth of the suite's time do not notice counts as unnoticed: it wants a test of its own.
FEW, ENOUGH = 60, 0.1
# It holds the text of every function: whoever changes one on purpose writes it anew.
PICTURE = "tests/architecture/test_schema_picture.py"


@dataclass(frozen=True)
class Case:
    """A mutant, and how a worker is asked about it."""

    key: str
    words: str
    tests: frozenset[int]
    number: int = 0
    change: str = ""
    back: str = ""


class Judge:
    """The plugin that judges mutants where pytest would run its tests."""

    def __init__(self, modules: Modules, words: list[str]) -> None:
        self.modules, self.words = modules, words
        self.failed = True
        self.noticed_by: Counter[tuple[str, int]] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from tests.mutants.rows import rows
        from tests.mutants.warm import workers

        begun = time.monotonic()
        by_number = dict(enumerate(rows(), start=len(self.modules.mutants) + 1))
        with workers(session, self.modules, by_number, WORKERS) as hands:
            seen = self._look(session, hands)
            say(f"{len(seen)} tests, {sum(one.seconds for one in seen.values()):.0f} s of them, after "
                f"{time.monotonic() - begun:.0f} s")  # fmt: skip
            broken = [session.items[test].nodeid for test, one in seen.items() if not one.passed]
            say(*(f"left out, for it fails with nothing taken out: {name}" for name in broken))
            cases = list(self._cases(session, seen, by_number, hands))
            stale = sorted(set(EXCEPTIONS) - {case.key for case in cases})
            say(*(f"STALE EXCEPTION {key}" for key in stale))
            chosen = [
                case for case in cases
                if case.key not in EXCEPTIONS and any(word in case.key for word in self.words)
            ]  # fmt: skip
            unnoticed = self._judge(session, seen, chosen, hands)
        say(f"{len(chosen)} mutants, {unnoticed} not noticed; {len(EXCEPTIONS)} listed; "
            f"{time.monotonic() - begun:.0f} s")  # fmt: skip
        self.failed = bool(stale or unnoticed)
        return True

    def _look(self, session: pytest.Session, hands: list[Any]) -> "dict[int, Seen]":
        """Every test once, a file at a time."""
        from tests.mutants.warm import Work, each_answered

        files: dict[Any, list[int]] = {}
        for number, item in enumerate(session.items):
            files.setdefault(item.path, []).append(number)
        seen: dict[int, Seen] = {}
        for work, answer in each_answered(hands, (Work(tuple(tests)) for tests in files.values())):
            if not isinstance(answer, dict):
                raise AssertionError(f"{session.items[work.tests[0]].nodeid}: {answer}")
            seen |= answer
        return seen

    def _cases(self, session: pytest.Session, seen: "dict[int, Seen]", by_number: dict[int, Any],
               hands: list[Any]) -> Iterator[Case]:  # fmt: skip
        from tests.mutants.warm import Work, each_answered

        def coming_by(is_so: "Callable[[Seen], Any]") -> frozenset[int]:
            return frozenset(test for test, one in seen.items() if one.passed and is_so(one))

        for number, mutant in self.modules.mutants.items():
            tests = coming_by(lambda one, number=number: number in one.reached)  # type: ignore[misc]
            yield Case(mutant.key, mutant.words, tests, number)
        for number, row in by_number.items():
            assert any(each.key.startswith(f"{row.file} ") for each in self.modules.mutants.values()), row.file
            near = {other for other, each in self.modules.mutants.items() if each.key.startswith(f"{row.file} ")}
            named = {test for test, item in enumerate(session.items) if row.tests and item.nodeid.startswith(row.tests)}
            tests = coming_by(lambda one, near=near: near & one.reached)  # type: ignore[misc]
            yield Case(row.key, row.file, named & seen.keys() or tests, number)
        ((_work, changes),) = each_answered(hands, iter([Work((), asks_for_changes=True)]))
        pictures = {test for test, item in enumerate(session.items) if PICTURE in item.nodeid}
        calls = _calls(changes)
        for each in changes:
            callers = calls.get(each.function, set())
            tests = coming_by(lambda one, callers=callers: not callers or callers & one.functions)  # type: ignore[misc]
            # Some read a function's text, and are named after it.
            readers = {test for test, item in enumerate(session.items) if f"[{each.function}]" in item.nodeid}
            yield Case(each.key, each.words, (tests | readers) - pictures, change=each.change, back=each.back)

    def _judge(self, session: pytest.Session, seen: "dict[int, Seen]", cases: list[Case], hands: list[Any]) -> int:
        from tests.mutants.warm import Work, each_answered

        asked: dict[Work, Case] = {}

        def works() -> "Iterator[Work]":
            for case in cases:
                order = sorted(case.tests, key=lambda test, case=case: self._turn(case, test, seen))  # type: ignore[misc]
                until = itertools.accumulate(seen[test].seconds for test in order)
                asked_for = enumerate(zip(order, until, strict=True))
                tests = tuple(test for place, (test, spent) in asked_for if place < FEW or spent <= most)
                pauses = tuple(seen[test].seconds for test in tests)
                work = Work(tests, case.number, case.change, case.back, pauses)
                asked[work] = case
                yield work

        most = ENOUGH * sum(one.seconds for one in seen.values())
        unnoticed = 0
        for work, answer in each_answered(hands, works()):
            case = asked[work]
            if isinstance(answer, int):
                for near in _near(case.key):
                    self.noticed_by[near, answer] += 1
            elif answer != "hung":
                unnoticed += 1
                verdict = "NOT NOTICED" if case.tests else "NO TEST COMES BY"
                say(f"{verdict} {case.key} | {case.words[:100]} | {len(case.tests)} tests {answer or ''}")
        return unnoticed

    def _turn(self, case: Case, test: int, seen: "dict[int, Seen]") -> tuple[int, int, float]:
        function, file = _near(case.key)
        # A test that comes by few mutants is about these.
        effort = seen[test].seconds * len(seen[test].reached)
        return -self.noticed_by[function, test], -self.noticed_by[file, test], effort


def _near(key: str) -> tuple[str, str]:
    file, *function = key.split(" ")
    return f"{file} {function[0]}", file


def _calls(changes: list[Any]) -> dict[str, set[str]]:
    """By a function's name: itself and those that call it, whose callers come by it too."""
    bodies = {each.function: each.back for each in changes if each.function}
    return {name: {other for other, body in bodies.items() if name in body} for name in bodies}


def say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201


def main() -> None:
    os.chdir(ROOT)
    modules = Modules()
    modules.install()
    judge = Judge(modules, os.environ.get("MUTANTS", "").split(","))
    ignored = [f"--{'deselect' if '::' in name else 'ignore'}={name}" for name in LEFT_OUT]
    only = os.environ.get("MUTANTS_TESTS", "tests").split()
    pytest.main(["-q", "-s", "-o", "addopts=-p no:cacheprovider", "-p", "no:xdist", *ignored, *only], plugins=[judge])
    sys.exit(judge.failed)


if __name__ == "__main__":
    main()
