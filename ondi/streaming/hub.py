"""What is new, and who listens to it: everything in memory, on one event loop.

The truth is the position in the table. A notification only wakes this process, which asks by itself as well; each
listener reads at a position of its own, from the ring of its tenant's last events or, behind that, from the table.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from django.conf import settings
from django.db import connection, connections

from ondi.streaming import news
from ondi.streaming.news import Access, Last, News
from ondi.streaming.presence import Presence
from ondi.streaming.rule import PRESENCE_CHANNEL, Reader

Answer = TypeVar("Answer")

CHANNEL = "ondi_events"
THREADS = 3  # and one connection that listens: four of the database's
RING = 1_000  # events of a tenant
FORGOTTEN_AFTER = 60.0  # seconds without a listener
LOOK_EVERY = 2.0  # where no notification comes through
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
BEAT_EVERY = 20
RIGHTS_EVERY = 45
STREAMS_OF_A_PERSON = 6
SLOW = 30.0  # a piece that a client does not take for so long is its last
log = structlog.get_logger(__name__)


class Ring:
    """The last events of a tenant, and who listens. `last`: the position now; None until it was asked."""

    __slots__ = ("last", "listeners", "news", "touched")

    def __init__(self) -> None:
        self.news: deque[News] = deque(maxlen=RING)
        self.last: int | None = None
        self.listeners: set[Listener] = set()
        self.touched = time.monotonic()

    def is_wanted(self, at: float) -> bool:
        """Somebody listens, did a moment ago, or is about to."""
        return bool(self.listeners) or self.last is None or at - self.touched < FORGOTTEN_AFTER

    def begin(self, position: int) -> None:
        """Events that came while the position was asked may lie before it or behind."""
        self.last = max(position, self.last or 0, self.news[-1].position if self.news else 0)

    def add(self, one: News) -> None:
        self.news.append(one)
        if self.last is not None:
            self.last = max(self.last, one.position)

    def reaches(self, position: int) -> bool:
        """Whether everything after a position is in here."""
        first = self.news[0].position if self.news else (self.last or 0) + 1
        return position >= first - 1

    def after(self, position: int) -> Iterable[News]:
        missing = self.news[-1].position - position if self.news else 0
        return (self.news[place] for place in range(max(len(self.news) - missing, 0), len(self.news)))


class Place:
    """Where a listener is in the events of one tenant, and as whom."""

    __slots__ = ("position", "reader", "ring")

    def __init__(self, ring: Ring, reader: Reader, position: int) -> None:
        self.ring, self.reader, self.position = ring, reader, position

    def told(self, *, is_page: bool) -> bytes:
        """What of the ring comes next; moves on."""
        found = [text for one in self.ring.after(self.position) if (text := one.told_to(self.reader, is_page=is_page))]
        if self.ring.news:  # not `last`: what lies before that may still have to come
            self.position = max(self.position, self.ring.news[-1].position)
        return b"".join(found)


class Listener:
    """One stream: where it is, and why it ends. `sending_since`: since when its client has not taken a piece.

    `is_lost`: its place is none any more, and its client has to read the lists again.
    """

    __slots__ = (
        "access", "beat_due", "is_gone", "is_lost", "places", "reason", "sending_since", "slot", "task", "viewers_due",
        "waiter",
    )  # fmt: skip

    def __init__(self, access: Access, places: Sequence[Place], slot: int) -> None:
        self.access, self.places, self.slot = access, places, slot
        self.reason: str | None = None
        self.is_gone = self.is_lost = self.beat_due = self.viewers_due = False
        self.sending_since: float | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.task = asyncio.current_task()

    @property
    def is_page(self) -> bool:
        """Of the admin: in several tenants, never gone on from."""
        return bool(self.access.admin_session)

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def end(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self.wake()

    def leave(self) -> None:
        self.is_gone = True
        self.wake()

    async def something(self) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None


class Hub:
    def __init__(self) -> None:
        self.rings: dict[UUID, Ring] = {}
        self.people: defaultdict[UUID, list[Listener]] = defaultdict(list)
        self.presence = Presence(self.ask)
        self.connections = 0
        self.is_over = False
        self._last: Last | None = None
        self._slots = 0
        self._news = asyncio.Event()
        self._ask_rights = asyncio.Event()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    async def run(self) -> None:
        """Follow the events until it is canceled."""
        await asyncio.gather(
            self._again("follow", self._follow), self._again("listen", self._listen),
            self._again("rights", self._rights), self._again("presence", self.presence.follow), self._beat(),
        )  # fmt: skip

    async def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """A question of `news` in a thread; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _asked, question, arguments)

    async def listen(self, access: Access) -> Listener:
        """A new listener at the position they came at, who ends its person's oldest where they have too many."""
        # Before the positions are asked, so that nothing falls in between.
        rings = {one.tenant_id: self.rings.setdefault(one.tenant_id, Ring()) for one in access.readers}
        for ring in rings.values():
            ring.touched = time.monotonic()
        if unknown := [tenant_id for tenant_id, ring in rings.items() if ring.last is None]:
            for tenant_id, position in (await self.ask(news.positions_of, unknown)).items():
                rings[tenant_id].begin(position)
        self._slots += 1
        places = [
            Place(ring, one, (ring.last or 0) if access.admin_session else access.position)
            for one in access.readers
            for ring in (rings[one.tenant_id],)
        ]
        listener = Listener(access, places, self._slots % BEAT_EVERY)
        theirs = self.people[access.user_id]
        if len(theirs) >= STREAMS_OF_A_PERSON:
            theirs.pop(0).end("replaced")
        theirs.append(listener)
        for ring in rings.values():
            ring.listeners.add(listener)
        self.presence.join(listener)
        if self.is_over:
            listener.end("shutdown")
        return listener

    def forget(self, listener: Listener) -> None:
        self.presence.leave(listener)
        for place in listener.places:
            place.ring.listeners.discard(listener)
            place.ring.touched = time.monotonic()
        theirs = self.people[listener.access.user_id]
        if listener in theirs:
            theirs.remove(listener)
        if not theirs:
            del self.people[listener.access.user_id]

    def shut(self) -> None:
        """Say good-bye to all, and let nobody in."""
        self.is_over = True
        for listener in self._listeners():
            listener.end("shutdown")

    def _listeners(self) -> set[Listener]:
        return {one for ring in self.rings.values() for one in ring.listeners}

    async def _again(self, what: str, turn: Callable[[], Any]) -> None:
        pause = FIRST_PAUSE
        while True:
            begun = time.monotonic()
            try:
                await turn()
            except Exception:  # the outermost of its task, which would end without a word
                log.warning("stream failed", what=what, again_in=pause, exc_info=True)
            pause = FIRST_PAUSE if time.monotonic() - begun > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        if self._last is None:
            self._last = Last(await self.ask(news.head))
        while True:
            self._news.clear()
            told = await self.ask(news.news_after, self._last)
            if told is None:
                await self._begin_again()
                continue
            self._last, found = told
            self._tell(found)
            if not found:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_EVERY)

    async def _begin_again(self) -> None:
        """From the present, with empty rings: the database is an older one, and what was read before is not in it."""
        log.warning("stream begins again: the database was restored")
        last = Last(await self.ask(news.head))
        positions = await self.ask(news.positions_of, list(self.rings))
        self._last = last
        for tenant_id, position in positions.items():
            if ring := self.rings.get(tenant_id):
                ring.news.clear()
                ring.last = position
        for listener in self._listeners():
            listener.is_lost = True
            listener.wake()

    def _tell(self, found: list[tuple[UUID, News]]) -> None:
        """Put it into the rings; wake whom it is for, and move the others on, so that they stay within their ring."""
        by_ring: defaultdict[UUID, list[News]] = defaultdict(list)
        for tenant_id, one in found:
            if ring := self.rings.get(tenant_id):
                by_ring[tenant_id].append(one)
            if one.ends_access:
                self._ask_rights.set()
        for tenant_id, several in by_ring.items():
            ring = self.rings[tenant_id]
            before = ring.last
            for one in several:
                ring.add(one)
            for listener in ring.listeners:
                place = next(one for one in listener.places if one.ring is ring)
                is_for_it = any(one.told_to(place.reader, is_page=listener.is_page) for one in several)
                if listener.waiter and place.position == before and not is_for_it:
                    place.position = max(place.position, ring.last or 0)
                else:
                    listener.wake()

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(**_direct(), autocommit=True) as line:
            for channel in (CHANNEL, PRESENCE_CHANNEL):
                await line.execute(f"LISTEN {channel}")
            self._news.set()
            async for said in line.notifies():
                if said.channel == PRESENCE_CHANNEL:
                    self.presence.hear(said.payload)
                else:
                    self._news.set()

    async def _rights(self) -> None:
        """Ask again of all, in one statement: every now and then, and at once where something says so."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ask_rights.wait(), RIGHTS_EVERY)
            self._ask_rights.clear()
            asked = list(self._listeners())
            readers = await self.ask(news.in_force, [one.access for one in asked]) if asked else []
            for listener, now in zip(asked, readers, strict=True):
                if not _is_still(listener, now):
                    listener.end("access_ended")

    async def _beat(self) -> None:
        """One timer for all: beats, ends of tokens, clients that take nothing, rings without listeners."""
        tick = 0
        while True:
            await asyncio.sleep(1)
            tick, now, at = (tick + 1) % BEAT_EVERY, time.time(), time.monotonic()
            for listener in self._listeners():
                if listener.access.ends_at <= now:
                    listener.end("token_expired")
                if listener.sending_since is None:
                    if listener.slot == tick:
                        listener.beat_due = True
                        listener.wake()
                elif at - listener.sending_since > SLOW and listener.task:
                    listener.end("slow")
                    listener.task.cancel()
            self.rings = {tenant_id: ring for tenant_id, ring in self.rings.items() if ring.is_wanted(at)}


def _is_still(listener: Listener, readers: Sequence[Reader]) -> bool:
    """Whether they may read what they read; moves a right that was gained into their places."""
    now = {one.tenant_id: one for one in readers}
    for place in listener.places:
        reader = now.get(place.reader.tenant_id)
        if reader is None or (place.reader.is_support_user and not reader.is_support_user):
            return False
        place.reader = reader
    return True


def _asked(question: Callable[..., Answer], arguments: tuple[Any, ...]) -> Answer:
    try:
        return question(*arguments)
    finally:
        connection.close()  # back into the pool


def _direct() -> dict[str, Any]:
    """Where to listen: past a pooler, if there is one."""
    if settings.DATABASE_DIRECT_URL:
        return {"conninfo": settings.DATABASE_DIRECT_URL}
    wanted = ("dbname", "user", "password", "host", "port", "connect_timeout", "keepalives_idle",
              "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode", "sslrootcert")  # fmt: skip
    parameters = connections["default"].get_connection_params()
    return {name: parameters[name] for name in wanted if name in parameters}
