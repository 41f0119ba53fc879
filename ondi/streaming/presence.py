"""Who has what open, by the pages that this process serves; and what these pages are told of others."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from ondi.streaming.rule import Subject, Viewing, keep_presence

if TYPE_CHECKING:
    from ondi.streaming.hub import Listener

KEEP_EVERY, LOOK_EVERY = 4.0, 1.0  # seconds
# Who loads their page again, or was cut off, is back by then and never seemed gone; another page of theirs, that polls
# or is open at another process, has noted them since they left: longer than both of the above, and than a poll.
BACK_WITHIN = timedelta(seconds=6)


class Presence:
    """The truth is in the table: all of this process is written and read in one statement, every four seconds.

    A notification only tells at once what that finds too: of pages that poll, of rows that ended by themselves because
    their process was killed, and of what a deaf connection did not hear.
    """

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self._ask = ask
        self._pages: defaultdict[Subject, set[Listener]] = defaultdict(set)
        self._viewers: dict[Subject, frozenset[UUID]] = {}
        self._noted: set[Viewing] = set()
        self._left_at: dict[Viewing, datetime] = {}
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
        is_due = at - self._kept_at >= KEEP_EVERY
        noted = opened if is_due else opened - self._noted
        left = self._left(opened, timezone.now())
        if not noted and not left:
            return
        self._heard.clear()
        viewers = await self._ask(keep_presence, noted, left)
        self._kept_at = at if is_due else self._kept_at
        self._noted = (self._noted | noted) - left.keys()
        for subject in {one.subject for one in noted} - self._heard:
            self._know(subject, viewers.get(subject, frozenset()))

    def _left(self, opened: set[Viewing], now: datetime) -> dict[Viewing, datetime]:
        """Who left long enough ago, and when that was: what their page noted of itself until then no longer counts."""
        self._left_at = {one: self._left_at.get(one, now) for one in self._noted - opened}
        return {one: when for one, when in self._left_at.items() if now - when > BACK_WITHIN}

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
