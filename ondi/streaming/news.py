"""What the stream process asks of the database. Each function is one transaction, run in a thread of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from ondi.outbox.models import Event
from ondi.outbox.subscribers import events_after
from ondi.streaming.rule import Reader, rule
from ondi.streaming.tickets import take_ticket
from ondi.tenants.scope import tenant_scope

PAGE = 200


@dataclass(frozen=True, slots=True)
class Access:
    """Who was let in: as whom they read, by which session, and until when, in seconds since 1970.

    `position`: their tenant's when they came.
    """

    user_id: UUID
    session_id: UUID
    reader: Reader
    ends_at: float
    position: int


@dataclass(frozen=True, slots=True)
class News:
    """An event as it goes over the line: to whose matter it is, and to who sees all of the tenant; None: not."""

    position: int
    person_id: UUID | None
    own: bytes | None
    all: bytes | None
    ends_access: bool

    def told_to(self, reader: Reader) -> bytes | None:
        if reader.membership_id is not None and self.person_id == reader.membership_id:
            return self.own
        return self.all if reader.is_support_user else None


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
    return Access(actor.user_id, claims.session_id, reader, claims.ends_at, position_now(actor.tenant_id))


def enter_by_ticket(text: str) -> Access:
    """Takes the ticket, whatever comes of it. Raises `TokenInvalid`."""
    with transaction.atomic():
        taken = take_ticket(text)
        position = position_now(taken.tenant_id) if taken else 0
    if taken is None:
        raise TokenInvalid
    reader = Reader(taken.tenant_id, taken.membership_id, taken.is_support_user)
    return Access(taken.user_id, taken.session_id, reader, taken.ends_at.timestamp(), position)


def position_of(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id):
        return position_now(tenant_id)


def head() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ondi_head()")
        (seq,) = cursor.fetchone() or (0,)
    return int(seq)


@transaction.atomic
def news_after(seq: int) -> tuple[int, list[tuple[UUID, News]]]:
    """What comes next of all tenants, in order, and how far it goes."""
    events = events_after(seq)
    return (events[-1].seq if events else seq), [(event.tenant_id, _news(event)) for event in events]


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


def in_force(asked: Sequence[Access]) -> dict[int, Reader]:
    """Which of them are let in still, by their place, and as whom they read now: one statement for all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place, membership_id, is_support_user FROM ondi_streams_in_force(%s, %s, %s)",
            [
                [one.user_id for one in asked],
                [one.reader.tenant_id for one in asked],
                [one.session_id for one in asked],
            ],
        )
        return {
            place - 1: Reader(asked[place - 1].reader.tenant_id, membership_id, is_support_user)
            for place, membership_id, is_support_user in cursor.fetchall()
        }


def _news(event: Event) -> News:
    own, all_ = Reader(event.tenant_id, event.person_id, False), Reader(event.tenant_id, None, True)
    return News(
        event.position, event.person_id, _told(event, own), _told(event, all_), event.kind in rule().ends_access
    )


def _told(event: Event, reader: Reader) -> bytes | None:
    return _line(rule().form(event, reader)) if rule().is_told(event, reader) else None


def _line(said: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        said["position"], said["event"].encode(), orjson.dumps(said["data"]),
    )  # fmt: skip
