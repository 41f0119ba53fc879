"""Who hears of events: by name, each at its own place, each in a transaction of its own.

A receiver (a signal) is for what must be true at once; a subscriber for what may come a second later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from ondi.outbox.models import Cursor, Event, SetAside
from ondi.tenants.scope import set_scope, tenant_scope

AT_ONCE = 500
# Pauses after each failure; after the last one a person has to look (`manage.py outbox`).
PAUSES = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
LONGEST_REASON = 200

Take = Callable[[Sequence[Event]], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`take`: does its work for these events, in their order, with all their tenants in scope.

    What it wrote is undone where it raises. It may be called again with what it took already.
    """

    name: str
    take: Take


_SUBSCRIBERS: dict[str, Subscriber] = {}


def subscribe(name: str) -> Callable[[Take], Take]:
    """Register a subscriber; in an app's `subscribers.py`, which is found by itself.

    The first time it runs it begins with what happens from then on. What data fixes and imports did is given to it too:
    who only cares for news passes over `event.is_silent`.
    """

    def register(take: Take) -> Take:
        _SUBSCRIBERS[name] = Subscriber(name, take)
        return take

    return register


def subscribers() -> list[Subscriber]:
    return list(_SUBSCRIBERS.values())


@transaction.atomic
def take_turn(subscriber: Subscriber, *, at: datetime | None = None) -> int:
    """Give a subscriber what comes next; how many events it moved on by. Locks its cursor, passes where that is locked.

    Where it raises it is given the events one by one, and what it raises at is set aside with the reason.
    """
    cursor = Cursor.objects.select_for_update(skip_locked=True).filter(pk=subscriber.name).first()
    if cursor is None:
        if not Cursor.objects.filter(pk=subscriber.name).exists():  # else another process holds it
            _begin(subscriber)
        return 0
    events = events_after(cursor.seq)
    if not events:
        return 0
    try:
        with transaction.atomic():
            subscriber.take(events)
    except OperationalError:
        raise  # the database's trouble, no event's: the turn is taken again
    except Exception:  # noqa: BLE001 - one event is to blame, and is found and named
        for event in events:
            _take_alone(subscriber, event, at or timezone.now())
    cursor.seq, cursor.moved_at = events[-1].seq, at or timezone.now()
    cursor.save()
    return len(events)


def _begin(subscriber: Subscriber) -> None:
    """At the head; where another process holds its cursor nothing changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ondi_head()")
        (head,) = cursor.fetchone() or (0,)
    Cursor.objects.bulk_create([Cursor(subscriber=subscriber.name, seq=head)], ignore_conflicts=True)


def events_after(seq: int) -> list[Event]:
    """What comes next of all tenants, in order; their tenants are in scope then. Needs a transaction."""
    return events_of(numbers_after(seq))


def numbers_after(seq: int) -> list[tuple[int, UUID]]:
    """The same, before it is read: each one's number and tenant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, tenant_id FROM ondi_events_after(%s, %s)", [seq, AT_ONCE])
        return [(seq, tenant_id) for seq, tenant_id in cursor.fetchall()]


def events_of(numbers: Sequence[tuple[int, UUID]]) -> list[Event]:
    """The events with these numbers, in order; their tenants are in scope then. Needs a transaction."""
    if not numbers:
        return []
    set_scope({tenant_id for _seq, tenant_id in numbers})
    return list(Event.objects.filter(seq__in=[seq for seq, _tenant in numbers]).order_by("seq"))


def _take_alone(subscriber: Subscriber, event: Event, at: datetime) -> None:
    try:
        with transaction.atomic():
            subscriber.take([event])
    except OperationalError:
        raise
    except Exception as error:  # whatever a subscriber raises: its kind is kept with the event, which is tried again
        log.warning("event set aside", subscriber=subscriber.name, seq=event.seq, exc_info=True)
        SetAside.objects.create(
            tenant_id=event.tenant_id,
            subscriber=subscriber.name,
            seq=event.seq,
            reason=_reason(error),
            next_at=at + PAUSES[0],
            created_at=at,
        )


def try_again(*, at: datetime | None = None) -> int:
    """Give subscribers what was set aside and is due; how many were tried."""
    at = at or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tenant_id FROM ondi_set_aside_due(%s, %s)", [at, AT_ONCE])
        due = cursor.fetchall()
    for key, tenant_id in due:
        _try_again(key, tenant_id, at)
    return len(due)


def _try_again(key: UUID, tenant_id: UUID, at: datetime) -> None:
    with tenant_scope(tenant_id):
        aside = SetAside.objects.select_for_update(skip_locked=True).filter(id=key, next_at__lte=at).first()
        if aside is None:
            return
        event, subscriber = Event.objects.filter(seq=aside.seq).first(), _SUBSCRIBERS.get(aside.subscriber)
        try:
            if event is None or subscriber is None:
                raise LookupError("the event is no longer kept, or nobody of this name subscribes")
            with transaction.atomic():
                subscriber.take([event])
        except OperationalError:
            raise  # as in its turn: this counts as no attempt
        except Exception as error:  # noqa: BLE001 - its next try, or a person's matter
            aside.next_at = at + PAUSES[aside.attempts] if aside.attempts < len(PAUSES) else None
            aside.attempts, aside.reason = aside.attempts + 1, _reason(error)
            aside.save()
        else:
            aside.delete()


def _reason(error: Exception) -> str:
    """The kind of error alone: its words may hold what people wrote."""
    return f"{type(error).__module__}.{type(error).__qualname__}"[:LONGEST_REASON]
