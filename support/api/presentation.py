"""The ticket object of API.md, from a row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from conversations.events import event_text
from conversations.models import MessageType, Participant
from conversations.people import CUSTOMER, SUPPORT, member_data, person_data, sender_data
from conversations.policies import can_post, takes_part
from ondi.accounts.actors import Actor
from ondi.common.times import iso
from ondi.files.api.data import attachments_of
from ondi.files.links import FileReader
from support import policies
from support.models import TicketEvent, TicketNote
from support.shown import DELIVERY, ORDER, TICKET, Shape, Table, columns
from support.vocabulary import Metric, Outcome, TicketStatus

FORMS: Mapping[Shape, Callable[[Any], Any]] = {Shape.ID: str, Shape.MOMENT: iso, Shape.AMOUNT: str}


def _reader(table: Table, link: str = "") -> Callable[[Any], dict[str, Any]]:
    """How these fields are read from a row. Looped over for every row of a list, so no more than it takes."""
    fields = [
        (key, column, FORMS.get(shown.shape))
        for (key, shown), column in zip(table.items(), columns(table, link), strict=True)
    ]

    def read(row: Any) -> dict[str, Any]:
        data = {}
        for key, column, form in fields:
            value = getattr(row, column)
            data[key] = form(value) if form is not None and value is not None else value
        return data

    return read


_of_ticket, _of_delivery, _of_order = _reader(TICKET), _reader(DELIVERY, "delivery"), _reader(ORDER, "order")


def ticket_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """A row of `for_list` as `viewer` sees it."""
    short, speaks = _sees_short_names(row, viewer), _takes_part(row, viewer)
    return {
        **_of_ticket(row),
        "conversation": _conversation_data(row, short=short, speaks=speaks),
        "assigned_to_user": row.assignee__user_id and person_data(row, "assignee", nobody=SUPPORT, short=short),
        "can_close": policies.can_close(row, viewer),
        "can_reopen": policies.can_reopen(row, viewer),
        "can_reply": can_post(conversation_status=row.conversation__status, takes_part=speaks)
        or (speaks and policies.reopens_by_message(row, viewer)),
        "expected_reply_by": iso(policies.expected_reply_by(row, viewer, timezone.now())),
    }


def ticket_detail_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """A row of `for_detail` as `viewer` sees it."""
    return {**ticket_data(row, viewer), "delivery": _delivery_data(row), "order": _order_data(row)}


def queue_ticket_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """A row of `for_queue`: the ticket, who asks, and what only staff see."""
    return {**ticket_data(row, viewer), **_staff_data(row, viewer)}


def queue_detail_data(row: Any, viewer: Actor, participants: Iterable[Participant]) -> dict[str, Any]:
    """A row of `for_queue_detail` with those who take part."""
    short = policies.is_customer_of(row, viewer)
    return {
        **ticket_detail_data(row, viewer),
        **_staff_data(row, viewer),
        "participants": [participant_data(participant, short=short) for participant in participants],
    }


def program_ticket_data(row: Any, viewer: Actor, participants: Iterable[Participant]) -> dict[str, Any]:
    """A row of `for_programs`: as agents see the ticket, with the outside's ids in place of who asks."""
    requester = {"id": _requester_data(row)["id"], "external_id": row.requester__external_id}
    outside = {"order_external_id": row.order__external_id, "delivery_external_id": row.delivery__external_id}
    return {**queue_detail_data(row, viewer, participants), "requester": requester, **outside}


def conversation_data(row: Any, viewer: Actor, participants: Iterable[Participant]) -> dict[str, Any]:
    """A ticket's row as a conversation of its own."""
    short = _sees_short_names(row, viewer)
    return {
        **_conversation_data(row, short=short, speaks=_takes_part(row, viewer)),
        "type": row.conversation__kind,
        "ticket_id": str(row.id),
        "created_at": iso(row.conversation__created_at),
        "participants": [participant_data(participant, short=short) for participant in participants],
    }


def participant_data(participant: Participant, *, short: bool) -> dict[str, Any]:
    return {
        "user": member_data(participant.membership, short=short),
        "role": participant.role,
        "joined_at": iso(participant.joined_at),
        "left_at": iso(participant.left_at),
    }


def notes_data(notes: Sequence[TicketNote], actor: Actor, here: str) -> list[dict[str, Any]]:
    """With their files, which are read at once if there are any."""
    files = attachments_of(
        actor.tenant_ids, {note.id: note.attachment_count for note in notes}, reader=FileReader.of(actor), here=here
    )
    return [_note_data(note, files[note.id]) for note in notes]


def _note_data(note: TicketNote, attachments: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": str(note.id),
        "author": member_data(note.author, short=False),
        "content": note.words,
        "attachments": attachments,
        "created_at": iso(note.created_at),
    }


def event_data(event: TicketEvent) -> dict[str, Any]:
    """One entry of a ticket's history: codes and ids."""
    return {
        "id": str(event.id),
        "kind": event.kind,
        "actor": event.actor and member_data(event.actor, short=False),
        "cause": event.cause,
        "before": event.before,
        "after": event.after,
        "created_at": iso(event.created_at),
    }


def _staff_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """Who opened a ticket is its customer, and sees neither its tags nor whether it is snoozed."""
    is_own = policies.is_customer_of(row, viewer)
    return {
        "requester": _requester_data(row),
        "version": row.version,
        "snoozed_until": None if is_own else _snoozed_until(row),
        "tags": [] if is_own else sorted(row.tag_names),
        "service_levels": [] if is_own else service_levels_data(row.clocks, timezone.now()),
    }


def service_levels_data(clocks: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The newest clock of each kind, of `TicketClockQuerySet.as_json`; what is promised nothing is not shown."""
    newest = {one["metric"]: one for one in clocks}
    shown = ((metric, newest[metric.value]) for metric in Metric if metric.value in newest)
    return [
        {
            "metric": metric.value,
            "due_at": one["due_at"] and iso(datetime.fromisoformat(one["due_at"])),
            "state": state,
            "target_minutes": int(one["target"] // 60),
        }
        for metric, one in shown
        if (state := _state_of(one, now))
    ]


def _state_of(clock: Mapping[str, Any], now: datetime) -> str:
    """Empty where nothing is owed. What is due is missed at that moment, also before anybody noted it."""
    if clock["outcome"] in (Outcome.MET, Outcome.MISSED):
        return str(clock["outcome"])
    if clock["outcome"] or clock["target"] is None:
        return ""
    if clock["running_since"] is None:
        return "paused"
    is_over = clock["due_at"] is not None and datetime.fromisoformat(clock["due_at"]) < now
    return "missed" if is_over else "running"


def _snoozed_until(row: Any) -> str | None:
    if row.snoozed_until is None or row.status != TicketStatus.OPEN or row.snoozed_until <= timezone.now():
        return None
    return iso(row.snoozed_until)


def _requester_data(row: Any) -> dict[str, Any]:
    erased = row.requester__erased_at is not None
    person = person_data(row, "requester", nobody=CUSTOMER, short=False)
    return {**person, "email": None if erased else row.requester__email}


def _takes_part(row: Any, viewer: Actor) -> bool:
    """As its customer who opened the ticket, as staff who did not; `post_message` asks the same of who speaks."""
    as_customer = row.part__role == Participant.Role.CUSTOMER
    counts = takes_part(viewer, role=row.part__role, left_at=row.part__left_at)
    return counts and as_customer == policies.is_customer_of(row, viewer)


def _sees_short_names(row: Any, viewer: Actor) -> bool:
    return not viewer.support_tenant_ids or policies.is_customer_of(row, viewer)


def _conversation_data(row: Any, *, short: bool, speaks: bool) -> dict[str, Any]:
    unread = max(0, row.conversation__message_count - row.part__last_read_sequence) if speaks else None
    return {
        "id": str(row.conversation_id),
        "title": row.conversation__title,
        "status": row.conversation__status,
        "message_count": row.conversation__message_count,
        "unread_count": unread,
        "last_message": _last_message_data(row, short=short),
    }


def _last_message_data(row: Any, *, short: bool) -> dict[str, Any] | None:
    if row.conversation__last_message_id is None:
        return None
    is_system = row.conversation__last_message_type == MessageType.SYSTEM
    event = row.conversation__last_message_event
    return {
        "id": str(row.conversation__last_message_id),
        "sender": sender_data(
            row, "conversation__last_message_sender", row.conversation__last_message_sender_role, short=short
        ),
        "message_type": row.conversation__last_message_type,
        "preview": event_text(event) if is_system else row.conversation__last_message_preview,
        "created_at": iso(row.conversation__last_message_at),
    }


def _delivery_data(row: Any) -> dict[str, Any] | None:
    if row.delivery_id is None or row.delivery__customer_id != row.requester_id:
        return None
    return _of_delivery(row)


def _order_data(row: Any) -> dict[str, Any] | None:
    if row.order_id is None or row.order__customer_id != row.requester_id:
        return None
    return _of_order(row)
