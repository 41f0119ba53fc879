"""Warm processes that judge mutants: Django, tests and a database are ready, each mutant is a fork of that.

A pytest session collects all tests. In the place of running them it forks workers, each with a database of its own; a
worker forks once more for everything it is asked, so that no mutant finds what another left in memory.
"""

import gc
import os
import pickle
import re
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import wait
from types import SimpleNamespace
from typing import Any, NoReturn

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from ondi.common.compiled import CompiledQuery
from tests.mutants.database import changes
from tests.mutants.modules import Modules, files
from tests.mutants.rows import Row

LONGEST_PAUSE = 60.0  # seconds in which a test has to end, or five times what it took before, if that is longer
OUR_FUNCTION = re.compile(r"\bondi_\w+(?=\s*\()")


@dataclass(frozen=True)
class Seen:
    """What one test did when nothing was taken out."""

    passed: bool
    seconds: float
    reached: frozenset[int]
    functions: frozenset[str]


@dataclass(frozen=True)
class Work:
    """What a child is asked: run these tests, with a mutant on or with a change of the database, or only look."""

    tests: tuple[int, ...]
    number: int = 0
    change: str = ""
    back: str = ""
    pauses: tuple[float, ...] = ()
    asks_for_changes: bool = False


class Worker:
    """In the child of the session: one database, one answer at a time."""

    def __init__(self, session: pytest.Session, modules: Modules, rows: Mapping[int, Row], number: int) -> None:
        self.session, self.modules, self.rows = session, modules, rows
        self.asked: set[str] = set()
        settings.DATABASES["owner"].setdefault("TEST", {})["NAME"] = name = f"test_mutants_{number}"
        connections["owner"].settings_dict["TEST"]["NAME"] = name
        self.failed = False
        session.config.pluginmanager.register(self)
        self._note_functions()
        first = next(number for number, item in enumerate(session.items) if item.get_closest_marker("django_db"))
        self._run(first, None)
        self._close()

    def serve(self, orders: Any) -> None:
        while (work := orders.recv()) is not None:
            orders.send(self._answer(work))
        self.session._setupstate.teardown_exact(None)

    def _answer(self, work: Work) -> Any:
        from tests.conftest import owner_connection

        try:
            if work.asks_for_changes:
                return list(changes(owner_connection()))
            if work.change:
                owner_connection().execute(work.change)
                self._close()
            return self._in_child(work)
        except psycopg.Error as error:
            return f"cannot be made: {error}"
        finally:
            if work.back:
                owner_connection().execute(work.back)
            self._close()

    def _in_child(self, work: Work) -> Any:
        """What the child says; "hung" where a test took far too long."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            os.close(reading)
            with open(writing, "wb", buffering=0) as out:  # noqa: PTH123 - a pipe
                try:
                    answer = self._judge(work, out) if work.number or work.change else self._look(work, out)
                    _send(out, ("done", answer))
                except BaseException:  # noqa: BLE001 - it is told above
                    _send(out, ("done", f"failed: {traceback.format_exc()}"))
            os._exit(0)
        os.close(writing)
        with open(reading, "rb", buffering=0) as answers:  # noqa: PTH123 - a pipe
            answer = self._listen(answers, work)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if answer == "hung" or (isinstance(answer, tuple) and answer[1]):
            self._clean()
        return answer[0] if isinstance(answer, tuple) else answer

    def _listen(self, answers: Any, work: Work) -> Any:
        pause = LONGEST_PAUSE
        while True:
            if not select.select([answers], [], [], pause)[0]:
                return "hung"
            said = _receive(answers)
            if said is None:
                return "hung"
            kind, answer = said
            if kind == "done":
                return answer
            pause = max(LONGEST_PAUSE, 5 * work.pauses[answer]) if answer < len(work.pauses) else LONGEST_PAUSE * 5

    def _look(self, work: Work, out: Any) -> tuple[dict[int, Seen], bool]:
        found = {}
        for place, test in enumerate(work.tests):
            _send(out, ("next", place))
            self.modules.reached.clear()
            self.asked.clear()
            begun = time.perf_counter()
            passed = self._run(test, work.tests[place + 1] if place + 1 < len(work.tests) else None)
            seconds = time.perf_counter() - begun
            found[test] = Seen(passed, seconds, frozenset(self.modules.reached), frozenset(self.asked))
        return found, False

    def _judge(self, work: Work, out: Any) -> tuple[int | None, bool]:
        """The first test that notices, and whether it may have left something behind."""
        if work.number in self.rows:
            self.rows[work.number].put_in()
        self.modules.on = work.number
        for place, test in enumerate(work.tests):
            _send(out, ("next", place))
            if not self._run(test, work.tests[place + 1] if place + 1 < len(work.tests) else None):
                return test, True
        return None, False

    def _run(self, test: int, following: int | None) -> bool:
        """Run a test alone, as if nothing had been made before; the session stays set up."""
        _forget()
        item = self.session.items[test]
        chain = SimpleNamespace(listchain=lambda: [self.session])
        upcoming: Any = chain if following is None else self.session.items[following]
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=upcoming)
        return not self.failed

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.failed = self.failed or report.failed

    def _note_functions(self) -> None:
        execute = psycopg.Cursor.execute

        def noting(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else str(query)
            self.asked.update(OUR_FUNCTION.findall(text))
            return execute(cursor, query, *arguments, **options)

        psycopg.Cursor.execute = noting  # type: ignore[method-assign]

    def _close(self) -> None:
        """Let go of every connection, which a fork would share."""
        from tests import conftest

        connections.close_all()
        conftest._close_owner()
        conftest._owner = None

    def _clean(self) -> None:
        """A child that ended in the middle of a test may have left rows; its connections are on their way out."""
        from tests.conftest import _empty_all_tables, owner_connection

        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _attempt in range(100):
            if not owner_connection().execute(others).fetchone()[0]:  # type: ignore[index]
                break
            time.sleep(0.05)  # its connections end by themselves
        _empty_all_tables(None)
        self._close()


def _forget() -> None:
    """What was compiled or kept before would hide who needs it, and keep a mutant out."""
    for kept in _kept:
        kept()


_kept: list[Callable[[], None]] = []


def find_what_is_kept(names: Collection[str]) -> None:
    """Functions of these modules that keep their answers, and statements that are compiled once."""
    for each in gc.get_objects():
        if isinstance(each, CompiledQuery):
            _kept.append(each._kept.clear)
        elif hasattr(type(each), "cache_clear") and each.__module__ in names:
            _kept.append(each.cache_clear)


def _send(out: Any, what: Any) -> None:
    data = pickle.dumps(what)
    out.write(struct.pack("!I", len(data)))
    while data:
        data = data[out.write(data) :]


def _receive(source: Any) -> Any:
    if (head := _exactly(source, 4)) is None:
        return None
    body = _exactly(source, struct.unpack("!I", head)[0])
    return None if body is None else pickle.loads(body)


def _exactly(source: Any, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        if not (piece := source.read(size - len(data))):
            return None
        data += piece
    return data


@contextmanager
def workers(session: pytest.Session, modules: Modules, rows: Mapping[int, Row], count: int) -> Iterator[list[Any]]:
    """Connections to as many workers, each a fork of this process."""
    find_what_is_kept({file.removesuffix(".py").replace("/", ".") for file in files()})
    connections.close_all()
    mine, children = [], []
    for number in range(count):
        here, there = Pipe()
        child = os.fork()
        if not child:
            _serve(session, modules, rows, number, there)
        there.close()
        mine.append(here)
        children.append(child)
    try:
        yield mine
    finally:
        for each in mine:
            with suppress(OSError):
                each.send(None)
        for child in children:
            os.waitpid(child, 0)


def _serve(session: pytest.Session, modules: Modules, rows: Mapping[int, Row], number: int, orders: Any) -> NoReturn:
    """Be a worker, in silence but for what breaks the worker itself, until there is nothing more to do."""
    session.config.pluginmanager.unregister(name="terminalreporter")
    errors, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        Worker(session, modules, rows, number).serve(orders)
    except BaseException:  # noqa: BLE001 - the last to see it
        os.write(errors, traceback.format_exc().encode())
    finally:
        os._exit(0)


def each_answered(connections_: Sequence[Any], works: Iterator[Work]) -> Iterator[tuple[Work, Any]]:
    """Give out work as workers get free."""
    busy: dict[Any, Work] = {}
    free = list(connections_)
    while True:
        while free and (work := next(works, None)) is not None:
            here = free.pop()
            here.send(work)
            busy[here] = work
        if not busy:
            return
        for here in wait(list(busy)):
            answer = here.recv()
            work = busy.pop(here)
            free.append(here)
            yield work, answer
