"""What follows from events: who is told what, and how far the clocks are.

Each rule of who is told what is one line of `AUDIENCES`: the event, the type, and whom it is told to.
Nobody is told of what they did themselves, or what was read or seen before; data fixes and imports tell nobody.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from conversations.events import event_code
from conversations.models import Message, Participant, SenderRole
from deliveries.services import DELIVERY_CHANGED
from ondi.accounts.models import Membership
from ondi.accounts.roles import Role
from ondi.notifications.models import Notification, NotificationPreferences
from ondi.notifications.services import MOST_PEOPLE, Said, mark_read_before, tell
from ondi.notifications.types import TYPES, Audience
from ondi.outbox.models import Event
from ondi.outbox.subscribers import subscribe
from support import notices
from support.events import TICKET_CLOSED, TICKET_CLOSING, TICKET_REOPENED
from support.models import Ticket, TicketClock, TicketViewer
from support.publishing import (
    MESSAGE_CREATED,
    NOTE_CREATED,
    PUBLISHED,
    SLA_BREACHED,
    SLA_WARNING,
    SNOOZED,
    TAGS_CHANGED,
    UNSNOOZED,
)
from support.services.clocks import Moment, hours_of, keep_clocks
from support.sla.hours import Hours
from support.vocabulary import Cause, EventKind

# Who has the ticket on their screen reads it there; who has left it open and gone is told all the same.
ON_SCREEN = timedelta(seconds=10)
OPENED = PUBLISHED[EventKind.OPENED]
OF_SERVICE_LEVELS = {SLA_WARNING: notices.SLA_WARNING, SLA_BREACHED: notices.SLA_BREACHED}
OF_SYSTEM_MESSAGE = {
    TICKET_CLOSED: notices.CLOSED, TICKET_REOPENED: notices.REOPENED, TICKET_CLOSING: notices.REPLY,
}  # fmt: skip


Told = Iterable[tuple[str, UUID | None]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask of one tenant, read in sets. People are memberships.

    `parts`: by conversation and person, locked, so that nobody reads on while it is judged what they have read.
    `seen_at`: by ticket and person, when they last had it on their screen.
    `curious`: support users who want to hear of every new ticket. `leads`: who is told of what is nobody's.
    `hours`: by ticket and promise, when its agents are at work. `spoken_at`: when the customers of conversations spoke,
    at moments at which they opened their ticket again.
    """

    tickets: Mapping[UUID, Ticket]
    messages: Mapping[UUID, Message]
    parts: Mapping[UUID, Mapping[UUID, Participant]]
    seen_at: Mapping[tuple[UUID, UUID], datetime]
    staff: Collection[UUID]
    curious: Sequence[UUID]
    leads: Sequence[UUID]
    hours: Mapping[tuple[UUID, str], Hours]
    spoken_at: Collection[tuple[UUID, datetime]]


def _of_opening(event: Event, facts: Facts) -> Told:
    yield notices.OPENED, event.person_id
    yield from ((notices.NEW, person) for person in facts.curious if person != event.person_id)


def _of_assignment(event: Event, _facts: Facts) -> Told:
    yield notices.ASSIGNED, _person(event, "after")


def _of_take_over(event: Event, _facts: Facts) -> Told:
    yield notices.TAKEN_OVER, _person(event, "before")


def _of_message(event: Event, facts: Facts) -> Told:
    """Closing and reopening hang on what the conversation says of them: who reads that has read this."""
    message, ticket = _message_of(event, facts), facts.tickets.get(_subject(event))
    if message is None or ticket is None:
        return
    if message.sender_role == SenderRole.SYSTEM:
        if message.event and (kind := OF_SYSTEM_MESSAGE.get(message.event["code"])):
            yield kind, event.person_id
        if _is_own_reopening(event, message) and (message.conversation_id, message.created_at) not in facts.spoken_at:
            yield from _to_staff(message, ticket, facts)
    elif message.sender_role == SenderRole.AGENT:
        yield notices.REPLY, event.person_id
    else:
        yield from _to_staff(message, ticket, facts)


def _to_staff(message: Message, ticket: Ticket, facts: Facts) -> Told:
    """Nobody hears of a ticket that nobody has: the queue shows it. Whose it is takes part."""
    if ticket.assignee_id is None:
        return
    for person, part in facts.parts.get(message.conversation_id, {}).items():
        if part.role != Participant.Role.CUSTOMER and part.joined_at <= message.created_at:
            yield notices.CUSTOMER_REPLIED, person


def _is_own_reopening(event: Event, message: Message) -> bool:
    """Its customer opened the ticket again. Whether with words, which tell of it themselves, the facts say."""
    return event.actor_id == event.person_id and event_code(message.event) == TICKET_REOPENED


def _of_note(event: Event, _facts: Facts) -> Told:
    yield from ((notices.MENTION, UUID(person)) for person in event.data.get("mentioned", ()))


def _of_service_level(event: Event, facts: Facts) -> Told:
    ticket = facts.tickets.get(_subject(event))
    if ticket is not None and ticket.is_open:
        people = facts.leads if ticket.assignee_id is None else [ticket.assignee_id]
        yield from ((OF_SERVICE_LEVELS[event.kind], person) for person in people)


AUDIENCES: Mapping[str, Callable[[Event, Facts], Told]] = {
    OPENED: _of_opening,
    PUBLISHED[EventKind.ASSIGNED]: _of_assignment,
    PUBLISHED[EventKind.TAKEN_OVER]: _of_take_over,
    MESSAGE_CREATED: _of_message,
    NOTE_CREATED: _of_note,
    SLA_WARNING: _of_service_level,
    SLA_BREACHED: _of_service_level,
}


# After which of these another promise may hold, and why.
CHANGES: Mapping[str, Cause] = {
    OPENED: Cause.OPENED,
    PUBLISHED[EventKind.REOPENED]: Cause.OPENED,
    PUBLISHED[EventKind.PRIORITY_CHANGED]: Cause.PRIORITY,
    PUBLISHED[EventKind.LINK_CHANGED]: Cause.LINK,
    TAGS_CHANGED: Cause.TAGS,
    DELIVERY_CHANGED: Cause.DELIVERY,
}
MOVES = {*CHANGES, MESSAGE_CREATED, PUBLISHED[EventKind.CLOSED], SNOOZED, UNSNOOZED}


@subscribe("clocks")
def move_clocks(events: Sequence[Event]) -> None:
    """Bring the clocks up to these events, one tenant after the other; holds the tenants' clocks.

    A ticket is judged as it stands now, and a promise that follows from it holds from the last of these changes. What
    was opened silently, as an import does, is promised nothing.
    """
    of_tenants: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        if event.kind in MOVES:
            of_tenants[event.tenant_id].append(event)
    for tenant_id, own in sorted(of_tenants.items()):
        keep_clocks(tenant_id=tenant_id, tickets=_moved(tenant_id, own), at=timezone.now())


def _moved(tenant_id: UUID, events: Sequence[Event]) -> dict[UUID, Moment | None]:
    """The tickets that these are about; those on a delivery too."""
    changed = {_subject(event) for event in events if event.kind == DELIVERY_CHANGED}
    on_deliveries: dict[UUID, list[UUID]] = defaultdict(list)
    if changed:
        tickets = Ticket.objects.in_tenants([tenant_id]).open().of_item(delivery_ids=changed)
        for ticket_id, delivery_id in tickets.values_list("id", "delivery_id"):
            on_deliveries[delivery_id].append(ticket_id)
    moved: dict[UUID, Moment | None] = {}
    for event in events:
        subject = _subject(event)
        for ticket_id in on_deliveries[subject] if event.kind == DELIVERY_CHANGED else [subject]:
            moved.setdefault(ticket_id, None)
            if event.kind in CHANGES and not (event.kind == OPENED and event.is_silent):
                moved[ticket_id] = Moment(event.at, CHANGES[event.kind])
    return moved


@subscribe("notifications")
def tell_people(events: Sequence[Event]) -> None:
    """Write the notifications of these events, in sets, one tenant after the other. Locks the parts it judges by."""
    of_tenants: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        if event.kind in AUDIENCES and not event.is_silent:
            of_tenants[event.tenant_id].append(event)
    for tenant_id, own in of_tenants.items():
        facts = _facts(tenant_id, own)
        tell([one for event in own for one in _notifications(event, facts)])
        mark_read_before(tenant_id=tenant_id, said=_said(own, facts))


def _notifications(event: Event, facts: Facts) -> Iterable[Notification]:
    """One a person: the first type that names them."""
    message = _message_of(event, facts)
    told: set[UUID] = set()
    for kind, person in AUDIENCES[event.kind](event, facts):
        if person is None or person == event.actor_id or person in told or _has_read(person, message, facts):
            continue
        if TYPES[kind].audience is not Audience.CUSTOMERS and person not in facts.staff:
            continue  # who left meanwhile
        told.add(person)
        yield Notification(
            tenant_id=event.tenant_id,
            membership_id=person,
            notification_type=kind,
            position=event.position,
            subject_id=event.subject_id,
            conversation_id=event.data["conversation_id"],
            message_id=event.data.get("message_id"),
            sequence=message.sequence if message else None,
            actor_id=event.actor_id,
            data={"number": event.data["ticket_number"]},
            created_at=event.at,
            shown_at=_shown_at(person, event, facts),
        )
        if len(told) == MOST_PEOPLE:
            return


def _has_read(person: UUID, message: Message | None, facts: Facts) -> bool:
    part = facts.parts.get(message.conversation_id, {}).get(person) if message else None
    return part is not None and message is not None and part.last_read_sequence >= message.sequence


def _shown_at(person: UUID, event: Event, facts: Facts) -> datetime:
    """Of service levels once its agents are at work."""
    if event.kind in OF_SERVICE_LEVELS:
        hours = facts.hours.get((_subject(event), event.data["after"]["metric"]))
        return (hours and hours.opens_after(event.at)) or event.at
    seen = facts.seen_at.get((_subject(event), person))
    return event.at + notices.HELD_FOR if seen and seen >= event.at - ON_SCREEN else event.at


def _facts(tenant_id: UUID, events: Sequence[Event]) -> Facts:
    """Five statements, or up to nine, whatever the number of events. Locks the parts."""
    of_levels = [event for event in events if event.kind in OF_SERVICE_LEVELS]
    tickets = Ticket.objects.in_tenants([tenant_id]).filter(id__in={_subject(event) for event in events})
    said = {event.data["message_id"] for event in events if event.kind == MESSAGE_CREATED}
    messages = {one.id: one for one in Message.objects.in_tenants([tenant_id]).filter(id__in=said)}
    parts: dict[UUID, dict[UUID, Participant]] = defaultdict(dict)
    of_conversations = {one.conversation_id for one in messages.values()}
    taking_part = Participant.objects.in_tenants([tenant_id]).present().filter(conversation__in=of_conversations)
    for part in taking_part.locked():
        parts[part.conversation_id][part.membership_id] = part
    viewers = TicketViewer.objects.in_tenants([tenant_id]).filter(ticket__in=[one.id for one in tickets])
    staff = Membership.objects.in_tenants([tenant_id]).support_users().values_list("id", flat=True)
    return Facts(
        tickets={one.id: one for one in tickets},
        messages=messages,
        parts=parts,
        seen_at={(one.ticket_id, one.membership_id): one.seen_at for one in viewers},
        staff=set(staff),
        curious=NotificationPreferences.objects.wanting(tenant_id, notices.NEW, MOST_PEOPLE)
        if any(event.kind == OPENED for event in events)
        else (),
        leads=_leads(tenant_id) if of_levels else (),
        hours=_hours(tenant_id, of_levels),
        spoken_at=_spoken_at(tenant_id, [one for one in messages.values() if event_code(one.event) == TICKET_REOPENED]),
    )


def _leads(tenant_id: UUID) -> list[UUID]:
    leads = Membership.objects.in_tenants([tenant_id]).support_users().filter(role__in=(Role.LEAD, Role.ADMIN))
    return list(leads.values_list("id", flat=True)[:MOST_PEOPLE])


def _hours(tenant_id: UUID, events: Sequence[Event]) -> dict[tuple[UUID, str], Hours]:
    """No statement where no event is of a service level."""
    if not events:
        return {}
    clocks = TicketClock.objects.in_tenants([tenant_id]).of_tickets([_subject(event) for event in events])
    return {
        (one.ticket_id, one.metric): hours_of(one.calendar_version)
        for one in clocks.select_related("calendar_version")
        if one.calendar_version is not None
    }


def _spoken_at(tenant_id: UUID, reopenings: Sequence[Message]) -> Collection[tuple[UUID, datetime]]:
    """Asks nothing of the database where nothing was reopened."""
    if not reopenings:
        return ()
    spoken = Message.objects.in_tenants([tenant_id]).filter(
        sender_role=SenderRole.CUSTOMER,
        conversation_id__in={one.conversation_id for one in reopenings},
        created_at__in={one.created_at for one in reopenings},
    )
    return set(spoken.values_list("conversation_id", "created_at"))


def _said(events: Sequence[Event], facts: Facts) -> list[Said]:
    """The last of each person in each conversation; not what somebody wrote down for them, as on the phone."""
    said = [(event, message) for event in events if (message := _message_of(event, facts))]
    messages = [message for event, message in said if event.actor_id == message.sender_id]
    messages.sort(key=lambda one: one.sequence)
    last = {(one.sender_id, one.conversation_id): one for one in messages if one.sender_id}
    return [
        Said(person, conversation, one.sequence, one.created_at)
        for (person, conversation), one in last.items()
        if person
    ]


def _message_of(event: Event, facts: Facts) -> Message | None:
    return facts.messages.get(UUID(event.data["message_id"])) if event.kind == MESSAGE_CREATED else None


def _subject(event: Event) -> UUID:
    assert event.subject_id is not None, "events of tickets name one"
    return event.subject_id


def _person(event: Event, side: str) -> UUID | None:
    named = event.data[side].get("assignee")
    return UUID(named) if named else None
