"""Who has what open, by the pages that this process serves; and what these pages are told of others."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ondi.streaming.rule import Subject, Viewing, keep_presence

if TYPE_CHECKING:
    from ondi.streaming.hub import Listener

KEEP_EVERY, LOOK_EVERY = 5.0, 1.0  # seconds
# Who loads their page again, or was cut off, is back by then and never seemed gone; a page that polls has noted it.
BACK_WITHIN = 5.0


class Presence:
    """The truth is in the table: all of this process is written and read in one statement, every five seconds.

    A notification only tells at once what that finds too: of pages that poll, of rows that ended by themselves because
    their process was killed, and of what a deaf connection did not hear.
    """

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self._ask = ask
        self._pages: defaultdict[Subject, set[Listener]] = defaultdict(set)
        self._viewers: dict[Subject, frozenset[UUID]] = {}
        self._noted: dict[Viewing, datetime] = {}
        self._open_at: dict[Viewing, float] = {}
        self._kept_at = 0.0
        self._heard: set[Subject] = set()
        self._joined = asyncio.Event()

    def join(self, page: "Listener") -> None:
        if viewing := page.access.viewing:
            self._pages[viewing.subject].add(page)
            self._joined.set()

    def leave(self, page: "Listener") -> None:
        viewing = page.access.viewing
        if viewing is None:
            return
        self._pages[viewing.subject].discard(page)
        if not self._pages[viewing.subject]:
            del self._pages[viewing.subject]
            self._viewers.pop(viewing.subject, None)

    async def follow(self) -> None:
        while True:
            self._joined.clear()
            await self._keep(time.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._joined.wait(), LOOK_EVERY)

    def hear(self, said: str) -> None:
        """What another process did, or this one a moment ago."""
        tenant_id, subject_id, membership_id, what = said.split()
        subject, person = (UUID(tenant_id), UUID(subject_id)), {UUID(membership_id)}
        if subject not in self._pages:
            return
        self._heard.add(subject)
        known = self._viewers.get(subject, frozenset())
        self._know(subject, known | person if what == "here" else known - person)

    async def _keep(self, at: float) -> None:
        """Note who came, and every now and then all; take away who left a while ago. Nothing where there is nobody.

        What was heard of while it looked may be newer than what it found: that stands until it looks again.
        """
        opened = {page.access.viewing for pages in self._pages.values() for page in pages if page.access.viewing}
        self._open_at |= dict.fromkeys(opened, at)
        is_due = at - self._kept_at >= KEEP_EVERY
        noted = opened if is_due else opened - self._noted.keys()
        left = {one: when for one, when in self._noted.items() if at - self._open_at[one] > BACK_WITHIN}
        if not noted and not left:
            return
        self._heard.clear()
        now = await self._ask(keep_presence, noted, left)
        self._kept_at = at if is_due else self._kept_at
        self._noted |= dict.fromkeys(noted, now.at)
        for one in left:
            del self._noted[one], self._open_at[one]
        for subject in {one.subject for one in noted} - self._heard:
            self._know(subject, now.viewers.get(subject, frozenset()))

    def _know(self, subject: Subject, viewers: frozenset[UUID]) -> None:
        """Tell the pages of a subject for whom somebody else came or went."""
        if subject not in self._pages:
            return
        changed = viewers ^ self._viewers.get(subject, frozenset())
        self._viewers[subject] = viewers
        for page in self._pages[subject]:
            if page.access.viewing and changed - {page.access.viewing.membership_id}:
                page.viewers_due = True
                page.wake()
