"""The staff's timeline of a ticket: what was said, noted and done, in one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import JSONField, TextField, Value
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from conversations.events import event_code
from conversations.models import Message, Participant
from conversations.words import words
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.times import in_words
from support.admin.files import files_of
from support.events import TICKET_CLOSED, TICKET_REOPENED
from support.models import Tag, Ticket, TicketEvent, TicketNote
from support.vocabulary import SNOOZED_UNTIL, EventKind, Priority

SHOWN_AT_FIRST = 50
SHOWN_AT_MOST = 1_000
# The event tells the same, and who did it.
TOLD_BY_EVENTS = {TICKET_CLOSED, TICKET_REOPENED}


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind`: customer, agent, system, note or event. `is_new`: said since the reader last looked."""

    kind: str
    at: datetime
    key: UUID
    who: str
    text: str
    sequence: int = 0
    is_new: bool = False
    can_be_redacted: bool = False
    files: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """`new_from`: the key of the first entry that its reader had not seen when they last looked."""

    entries: Sequence[Entry]
    events: Sequence[Entry]
    has_earlier: bool
    new_from: UUID | None = None

    @property
    def links_end_at(self) -> str | None:
        """When the first link to one of its files ends; the page is to be asked for anew before."""
        ends = [file["expires_at"] for entry in self.entries for file in entry.files if file["expires_at"]]
        return min(ends, default=None)


def thread_of(
    ticket: Ticket,
    *,
    participants: Sequence[Participant],
    tags: Sequence[Tag],
    reach: int,
    seen: int | None,
    since: int | None,
    actor: Actor,
    here: str,
) -> Thread:
    """The newest `reach` messages, of more than a page holds the oldest, with the notes and events of their time.

    `seen`: the last sequence the reader had before them, None for all of them; `since`: what they had read when they
    last looked, None where nobody kept it. `actor`: the reader, whom links to files
    are made for; `here`: where they ask. Two statements, a third where files were sent.
    """
    most = min(reach, SHOWN_AT_MOST)
    skipped = max(min(reach, ticket.conversation.message_count) - most, 0)
    of_ticket = {"tenant_id": ticket.tenant_id, "conversation_id": ticket.conversation_id}
    newest = Message.objects.filter(**of_ticket).select_related("sender").order_by("-sequence", "-id")
    messages = list(newest[max(skipped - 1, 0) : skipped + most + 1])  # with the ones before and after them
    after = messages.pop(0) if skipped and messages else None
    has_earlier = len(messages) > most
    messages = messages[most - 1 :: -1] if has_earlier else messages[::-1]
    span = {"created_at__gte": messages[0].created_at if has_earlier else ticket.created_at}
    if after:
        span["created_at__lt"] = after.created_at
    notes, events = _notes_and_events(ticket, span)
    names = {part.membership_id: str(part.membership) for part in participants}
    tag_names = {str(tag.id): tag.name for tag in tags}
    done = [_event_entry(event, names, tag_names) for event in events]
    files = files_of(
        {one.id: one.attachment_count for one in messages} | {one.id: one.attachment_count for one in notes},
        actor,
        here,
    )
    said = [_message_entry(one, seen, files.get(one.id, ())) for one in messages if not _is_told_by_an_event(one)]
    noted = [
        Entry(
            "note", note.created_at, note.id, str(note.author), note.words, can_be_redacted=not note.is_redacted,
            files=files.get(note.id, ()),
        )
        for note in notes
    ]  # fmt: skip
    entries = sorted([*said, *noted, *done], key=lambda entry: (entry.at, entry.key))
    others = (one.id for one in messages if since and one.sequence > since and one.sender_id != actor.membership_id)
    return Thread(entries, done, has_earlier, next(others, None))


def _notes_and_events(ticket: Ticket, span: Mapping[str, datetime]) -> tuple[list[TicketNote], list[TicketEvent]]:
    """Of this time the newest, as many as a page holds of each; with who it was. One statement."""
    of_ticket = {"tenant_id": ticket.tenant_id, "ticket": ticket, **span}
    notes = TicketNote.objects.filter(**of_ticket).order_by("-created_at", "-id").values_list(
        "id", "created_at", "author_id", "author__first_name", "author__last_name", "content", "attachment_count",
        Value("", TextField()), Value({}, JSONField()), Value({}, JSONField()),
    )[:SHOWN_AT_MOST]  # fmt: skip
    events = TicketEvent.objects.filter(**of_ticket).order_by("-created_at", "-id").values_list(
        "id", "created_at", "actor_id", "actor__first_name", "actor__last_name", Value("", TextField()), Value(0),
        "kind", "before", "after",
    )[:SHOWN_AT_MOST]  # fmt: skip
    found: tuple[list[TicketNote], list[TicketEvent]] = ([], [])
    for key, at, who, first, last, content, files, kind, before, after in sorted(
        notes.union(events, all=True), key=lambda row: row[1::-1]
    ):
        person = Membership(id=who, first_name=first, last_name=last) if who else None
        if kind:
            found[1].append(TicketEvent(id=key, created_at=at, actor=person, kind=kind, before=before, after=after))
        else:
            found[0].append(TicketNote(id=key, created_at=at, author=person, content=content, attachment_count=files))
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """A message or a note, as who is about to redact it sees it."""

    is_note: bool
    text: str
    files: int


def said_of(ticket: Ticket, key: UUID) -> Said | None:
    """The message or note of this ticket with this id. One statement."""
    shown = ("content", "attachment_count")
    messages = Message.objects.in_tenants([ticket.tenant_id]).filter(conversation_id=ticket.conversation_id, id=key)
    notes = TicketNote.objects.in_tenants([ticket.tenant_id]).filter(ticket=ticket, id=key)
    both = messages.order_by().values_list(Value(value=False), *shown).union(
        notes.order_by().values_list(Value(value=True), *shown), all=True
    )  # fmt: skip
    return next((Said(*found) for found in both), None)


def _is_told_by_an_event(message: Message) -> bool:
    return event_code(message.event) in TOLD_BY_EVENTS


def _message_entry(message: Message, seen: int | None, files: Sequence[Mapping[str, Any]]) -> Entry:
    is_redactable = message.event is None
    who = str(message.sender) if message.sender else _("Automatic message") if is_redactable else ""
    return Entry(
        kind=message.sender_role if message.event is None else "system",
        at=message.created_at,
        key=message.id,
        who=who,
        text=words(message),
        sequence=message.sequence,
        is_new=seen is not None and message.sequence > seen,
        can_be_redacted=is_redactable,
        files=files,
    )


def _event_entry(event: TicketEvent, names: Mapping[UUID, str], tags: Mapping[str, str]) -> Entry:
    who = str(event.actor) if event.actor else _("Automatically")
    return Entry("event", event.created_at, event.id, who, _event_words(event, names, tags))


def _event_words(event: TicketEvent, names: Mapping[UUID, str], tags: Mapping[str, str]) -> str:
    """What happened, with the names behind the ids."""
    label, detail = event.get_kind_display(), ""
    if tag := event.after.get("tag") or event.before.get("tag"):
        detail = tags.get(tag, _("a tag deleted since"))
    elif priority := event.after.get("priority"):
        labels = dict(Priority.choices)
        before = event.before.get("priority", "")
        detail = f"{labels.get(before, before)} → {labels.get(priority, priority)}"
    elif event.kind == EventKind.SNOOZED:
        until = parse_datetime(event.after[SNOOZED_UNTIL] or "")
        detail = in_words(until) if until else _("back into the queue")
    elif person := event.after.get("assignee") or event.after.get("participant"):
        is_own_action = event.actor_id is not None and str(event.actor_id) == person
        detail = "" if is_own_action else names.get(UUID(person), "")
    return f"{label}: {detail}" if detail else label


def name_of(member: Membership | None) -> str:
    return str(member) if member else _("Nobody")
