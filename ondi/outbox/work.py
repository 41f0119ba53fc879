"""The work process: relay, subscribers, chores and each worker in a thread of its own. Any number of them may run.

Nothing in here ends because something failed: it is logged, and tried again after a pause that grows.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog
from django.db import connection

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.outbox.beats import BEAT_EVERY, Beat
from ondi.outbox.chores import next_due
from ondi.outbox.relay import relay
from ondi.outbox.subscribers import subscribers, take_turn, try_again
from ondi.outbox.workers import Worker, workers

RELAY_EVERY, LOOK_EVERY = 0.1, 0.5  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
log = structlog.get_logger(__name__)


class Work:
    """Runs until it is told to `stop`."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._news = threading.Event()
        self._beat = Beat("work")
        self._came_round: dict[str, float] = {}

    def run(self) -> None:
        """Work in threads; returns once all of them have ended."""
        threads = [threading.Thread(target=self._repeat, args=turn, name=turn[0]) for turn in self._turns()]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1)  # a signal that came to another thread, as after a freeze, is heard when this one moves
        with suppress(*DATABASE_IS_AWAY):
            self._beat.end()
        connection.close()

    def make_room(self) -> None:
        """Have a connection for each thread and one beside, whatever web processes have. Before the first is opened."""
        if pool := connection.settings_dict["OPTIONS"].get("pool"):
            pool["max_size"] = max(pool["max_size"], len(self._turns()) + 1)

    def _turns(self) -> Sequence[tuple[str, Callable[[], None]]]:
        return (
            ("beat", self._say_that_it_lives),
            ("relay", self._relay),
            ("subscribers", self._tell),
            ("chores", self._do_chores),
            *((one.name, partial(self._do_due, one)) for one in workers()),
        )

    def stop(self) -> None:
        """Let what is under way finish, and end."""
        self._over.set()
        self._news.set()

    def _repeat(self, name: str, turn: Callable[[], None]) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            self._came_round[name] = time.time()
            try:
                turn()
                pause = FIRST_PAUSE
            except Exception:  # the outermost of its thread, which would end without a word
                log.warning("work failed", what=name, again_in=pause, exc_info=True)
                connection.close()
                self._over.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        connection.close()

    def _say_that_it_lives(self) -> None:
        self._beat.tell(self._came_round)
        self._over.wait(BEAT_EVERY)

    def _relay(self) -> None:
        if relay():
            self._news.set()
        else:
            self._over.wait(RELAY_EVERY)

    def _tell(self) -> None:
        """Others may lead the relay: so it also looks where this one has no news."""
        self._news.wait(LOOK_EVERY)
        self._news.clear()
        moved = 1
        while moved and not self._over.is_set():
            moved = sum(take_turn(one) for one in subscribers())
        try_again()

    def _do_due(self, worker: Worker) -> None:
        if not worker.do():
            self._over.wait(LOOK_EVERY)

    def _do_chores(self) -> None:
        if (chore := next_due()) is None:
            self._over.wait(LOOK_EVERY * 10)
            return
        log.info("chore", name=chore.name, result=chore.do())
