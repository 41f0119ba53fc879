"""What the stream process asks of the database. Each function is one transaction, run in a thread of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from ondi.accounts.entering import enter
from ondi.accounts.errors import TokenInvalid
from ondi.accounts.tokens import Claims
from ondi.common.errors import InvalidInput
from ondi.outbox.errors import PositionExpired
from ondi.outbox.feed import position_now
from ondi.outbox.models import Event, Position
from ondi.outbox.subscribers import events_of, numbers_after
from ondi.streaming.rule import Reader, Viewing, rule, sittings
from ondi.streaming.tickets import Taken, take_ticket
from ondi.tenants.scope import tenant_scope

PAGE = 200


@dataclass(frozen=True, slots=True)
class Access:
    """Who was let in: as whom they read, by which session, and until when, in seconds since 1970.

    `position`: their tenant's when they came. `admin_session`: of a page of the admin, which reads in all its tenants.
    `viewing`: what that page shows.
    """

    user_id: UUID
    session_id: UUID | None
    readers: tuple[Reader, ...]
    ends_at: float
    position: int = 0
    admin_session: str = ""
    viewing: Viewing | None = None


@dataclass(frozen=True, slots=True)
class News:
    """An event as it goes over the line: to whose matter it is, and to who sees all of the tenant; None: not."""

    position: int
    person_id: UUID | None
    own: bytes | None
    all: bytes | None
    page: bytes
    ends_access: bool

    def told_to(self, reader: Reader, *, is_page: bool) -> bytes | None:
        """`is_page`: of the admin, which is told the tenant and no position."""
        is_own = reader.membership_id is not None and self.person_id == reader.membership_id
        text = self.own if is_own else self.all if reader.is_support_user else None
        return self.page if is_page and text else text


@dataclass(frozen=True, slots=True)
class Last:
    """The last event that was read, of all tenants. `at`: when it happened; None: not known."""

    seq: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what somebody missed, and how far it goes."""

    text: bytes
    position: int


@transaction.atomic
def enter_by_token(claims: Claims) -> Access:
    """Raises `TokenInvalid` where the person, the tenant or the session is not in force."""
    actor = enter(claims.user_id, claims.tenant_id, claims.session_id)
    if actor is None:
        raise TokenInvalid
    reader = Reader(actor.tenant_id, actor.membership_id, actor.is_support_user)
    return Access(actor.user_id, claims.session_id, (reader,), claims.ends_at, position_now(actor.tenant_id))


def enter_by_ticket(text: str) -> Access:
    """Takes the ticket, whatever comes of it. Raises `TokenInvalid`."""
    with transaction.atomic():
        taken = take_ticket(text)
        position = position_now(taken.tenant_id) if taken else 0
    if taken is None:
        raise TokenInvalid
    readers: tuple[Reader, ...] = (Reader(taken.tenant_id, taken.membership_id, taken.is_support_user),)
    if taken.admin_session:
        sitting = sittings([taken.admin_session]).get(taken.admin_session)
        if sitting is None or sitting.user_id != taken.user_id or not sitting.readers:
            raise TokenInvalid
        readers = sitting.readers
    return Access(
        taken.user_id, taken.session_id, readers, taken.ends_at.timestamp(), position, taken.admin_session,
        _viewing(taken, readers),
    )  # fmt: skip


def _viewing(taken: Taken, readers: Sequence[Reader]) -> Viewing | None:
    """None too where they see nothing of its tenant any more."""
    if taken.subject_id is None:
        return None
    here = (one for one in readers if one.tenant_id == taken.tenant_id)
    return next((Viewing(taken.tenant_id, taken.subject_id, one.membership_id) for one in here), None)


def positions_of(tenant_ids: Sequence[UUID]) -> dict[UUID, int]:
    with tenant_scope(*tenant_ids):
        found = Position.objects.in_tenants(tenant_ids).values_list("tenant_id", "position")
        return dict.fromkeys(tenant_ids, 0) | dict(found)


def head() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ondi_head()")
        (seq,) = cursor.fetchone() or (0,)
    return int(seq)


@transaction.atomic
def news_after(last: Last) -> tuple[Last, list[tuple[UUID, News]]] | None:
    """What comes next of all tenants, in order, and how far it goes.

    None where the database is an older one, restored: its head is behind, or another event has the last one's number.
    """
    found = numbers_after(last.seq - 1)
    if [seq for seq, _tenant in found] == [last.seq]:  # if it is another one, the next event shows it
        return last, []
    events = events_of(found)
    if events and events[0].seq == last.seq:
        known, *events = events
        if last.at not in (None, known.at):
            return None
    elif head() < last.seq:  # else it is only forgotten
        return None
    if events:
        last = Last(events[-1].seq, events[-1].at)
    return last, [(event.tenant_id, _news(event)) for event in events]


def page_after(reader: Reader, after: int) -> Page | None:
    """What a reader is told after a position; None where that is ahead, or older than is kept.

    It ends where the tenant was when it was read, if nothing more is told.
    """
    with tenant_scope(reader.tenant_id):
        current = position_now(reader.tenant_id)
        try:
            found = rule().changes(reader, after, PAGE)
        except (InvalidInput, PositionExpired):
            return None
    text = b"".join(_line(rule().form(event, reader)) for event in found.events)
    return Page(text, found.next_position if found.has_more else max(current, found.next_position))


def in_force(asked: Sequence[Access]) -> list[tuple[Reader, ...]]:
    """As whom each of them reads now, in their order; as nobody: they are out. One statement for all of the API."""
    pages = [one.admin_session for one in asked if one.admin_session]
    sitting = sittings(pages) if pages else {}
    people = _people_in_force([one for one in asked if not one.admin_session])
    return [
        (sitting[one.admin_session].readers if one.admin_session in sitting else ())
        if one.admin_session
        else next(people)
        for one in asked
    ]


def _people_in_force(asked: Sequence[Access]) -> Iterator[tuple[Reader, ...]]:
    if not asked:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place, membership_id, is_support_user FROM ondi_streams_in_force(%s, %s, %s)",
            [
                [one.user_id for one in asked],
                [one.readers[0].tenant_id for one in asked],
                [one.session_id for one in asked],
            ],
        )
        found = {place - 1: (membership_id, is_support) for place, membership_id, is_support in cursor.fetchall()}
    for place, one in enumerate(asked):
        yield (Reader(one.readers[0].tenant_id, *found[place]),) if place in found else ()


def _news(event: Event) -> News:
    own, all_ = Reader(event.tenant_id, event.person_id, False), Reader(event.tenant_id, None, True)
    said = rule().form(event, all_)
    page = orjson.dumps({"event": said["event"], **said["data"], "tenant_id": str(event.tenant_id)})
    return News(
        event.position, event.person_id, _told(event, own), _told(event, all_), b"data: %s\n\n" % page,
        event.kind in rule().ends_access,
    )  # fmt: skip


def _told(event: Event, reader: Reader) -> bytes | None:
    return _line(rule().form(event, reader)) if rule().is_told(event, reader) else None


def _line(said: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        said["position"], said["event"].encode(), orjson.dumps(said["data"]),
    )  # fmt: skip
