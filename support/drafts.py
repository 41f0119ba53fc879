"""What people write at a ticket: kept for them while they do, and sent at once, or when it has waited; and what has.

Everything about one person's answer, or note, at one ticket goes one after the other (`hold_writing`). What waits is
locked before anything else: its writer who takes it back and the worker who sends it meet at its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.entering import acting_as
from ondi.common.errors import DomainError
from ondi.staff.once import forget_sending, was_sent
from support import policies
from support.errors import NotASupportUser, SentAlready, TicketNotFound
from support.macros import carry_out, settle
from support.models import Draft, Ticket
from support.services.replying import Seen, reply_to_ticket, write_note
from support.services.shared import hold_writing, person_of
from support.vocabulary import DraftKind

DRAFTS_KEPT = timedelta(days=7)
FAILED = "failed"  # refused by nobody: something broke


@dataclass(frozen=True, slots=True)
class Writing:
    """An answer or a note, as it stands in its composer. `seen`: before its writer's eyes. `close`: with an answer."""

    kind: str
    content: str
    files: Sequence[UUID] = ()
    seen: Seen | None = None
    close: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """`at`: by which a browser knows this draft; None where none is kept. `replaced`: other words that stood there."""

    at: datetime | None
    replaced: str = ""


@transaction.atomic
def keep_draft(
    *,
    actor: Actor,
    ticket_id: UUID,
    writing: Writing,
    known_at: datetime | None = None,
    form_id: UUID | None = None,
    is_leaving: bool = False,
    at: datetime | None = None,
) -> Kept:
    """Keep what its writer has written so far; nothing written, nothing kept. The later writing wins.

    `known_at`: which draft the browser began with: where another stands there now, its words are told, or with
    `is_leaving`, where nobody is left to be told, kept above the new ones. Does nothing once the form `form_id` is
    sent. Holds this person's drafts of this kind at the ticket. Raises `TicketNotFound`, `NotASupportUser`,
    `PermissionDenied`.
    """
    ticket = Ticket.objects.visible_to(actor).filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    hold_writing(person_of(actor), ticket_id, writing.kind)
    if form_id and was_sent(tenant_id=actor.tenant_id, user_id=actor.user_id, form_id=form_id):
        return Kept(None)
    kept = Draft.objects.of(actor, ticket_id, writing.kind).being_written().first()
    replaced = kept.content if kept and kept.updated_at != known_at and kept.content != writing.content else ""
    content = _both(replaced, writing.content) if is_leaving else writing.content
    if not content and not writing.files:
        Draft.objects.of(actor, ticket_id, writing.kind).being_written().delete()
        return Kept(None, replaced)
    draft = kept or _draft(actor, ticket_id, writing)
    draft.content, draft.files, draft.refused, draft.updated_at = content, list(writing.files), "", at or timezone.now()
    draft.save()
    return Kept(draft.updated_at, "" if is_leaving else replaced)


@transaction.atomic
def send_writing(*, actor: Actor, ticket_id: UUID, writing: Writing, at: datetime | None = None) -> None:
    """Send it now; its draft is gone with it. Locks and raises as `reply_to_ticket` or `write_note`."""
    _say(actor, ticket_id, writing, at or timezone.now())
    hold_writing(person_of(actor), ticket_id, writing.kind)
    Draft.objects.of(actor, ticket_id, writing.kind).being_written().delete()


@transaction.atomic
def send_later(
    *,
    actor: Actor,
    ticket_id: UUID,
    writing: Writing,
    wait: timedelta,
    form_id: UUID | None = None,
    at: datetime | None = None,
) -> Draft:
    """Send it when `wait` is over, unless it is taken back before. Its draft becomes what waits.

    What would refuse it now refuses it now. Another one of this person that still waits here is sent first, at once.
    Locks that, then as `send_writing`, and raises as that for either.
    """
    at = at or timezone.now()
    earlier = Draft.objects.of(actor, ticket_id, writing.kind).waiting().locked().first()
    if earlier:
        _say(actor, ticket_id, writing_of(earlier), at)
        earlier.delete()
    _try_out(actor, ticket_id, writing, at)
    hold_writing(person_of(actor), ticket_id, writing.kind)
    Draft.objects.of(actor, ticket_id, writing.kind).being_written().delete()
    draft = _draft(actor, ticket_id, writing)
    draft.send_at, draft.form, draft.updated_at = at + wait, form_id, at
    draft.save()
    return draft


@transaction.atomic
def take_back(*, actor: Actor, ticket_id: UUID, kind: str, at: datetime | None = None) -> Draft:
    """The answer, or the note, that waits is being written again; also what came back by itself meanwhile.

    Locks what waits, then holds this person's drafts. Raises `SentAlready`.
    """
    drafts = Draft.objects.of(actor, ticket_id, kind).written()
    if waiting := drafts.waiting().locked().first():
        return _write_again(waiting, actor.user_id, at or timezone.now())
    refused = drafts.being_written().exclude(refused="").first()
    if refused is None:
        raise SentAlready
    return refused


def send_waiting(*, draft_id: UUID, tenant_id: UUID, at: datetime) -> bool:
    """Send what is due by `at`, or do it, as its writer; whether it was there. Needs the tenant in scope.

    What is refused is being written again, with the code of why; a macro stays with it. Passes over what somebody else
    has locked. Locks it, then as `send_writing`, or as `apply_steps`.
    """
    draft = _due(draft_id, tenant_id, at)
    if draft is None:
        return False
    writer = draft.membership
    try:
        if not writer.is_active or not writer.is_support_user or not writer.user.is_active:
            raise NotASupportUser
        with transaction.atomic():
            _send(draft, acting_as(writer), at)
    except DomainError as refusal:
        _come_back(draft, at, getattr(refusal, "refusal", refusal).code)
    return True


def _send(draft: Draft, writer: Actor, at: datetime) -> None:
    if draft.kind == DraftKind.MACRO:
        carry_out(draft=draft, actor=writer, at=at)
    else:
        _say(writer, draft.ticket_id, writing_of(draft), at)
        draft.delete()


def _come_back(draft: Draft, at: datetime, code: str) -> None:
    if draft.kind == DraftKind.MACRO:
        settle(draft, at, refused=code)
    else:
        _write_again(draft, draft.membership.user_id, at, refused=code)


def give_up(*, draft_id: UUID, tenant_id: UUID, at: datetime) -> None:
    """What breaks when it is sent is not tried for ever: it comes back. Locks it. Needs the scope."""
    if draft := _due(draft_id, tenant_id, at):
        _come_back(draft, at, FAILED)


def forget_drafts(*, tenant_id: UUID, before: datetime) -> int:
    """Delete what nobody wrote at since; how many. Needs the tenant in scope."""
    return Draft.objects.in_tenants([tenant_id]).old(before).delete()[0]


def writing_of(draft: Draft) -> Writing:
    seen = None if draft.sequence is None else Seen(draft.sequence, draft.assignee, draft.status)
    return Writing(draft.kind, draft.content, draft.files, seen, draft.closes)


def _due(draft_id: UUID, tenant_id: UUID, at: datetime) -> Draft | None:
    drafts = Draft.objects.in_tenants([tenant_id]).due(at).filter(id=draft_id)
    with_writer = drafts.select_related("membership__user", "membership__tenant__portal_settings")
    return with_writer.select_for_update(of=("self",), no_key=True, skip_locked=True).first()


def _draft(actor: Actor, ticket_id: UUID, writing: Writing) -> Draft:
    """Unsaved."""
    draft = Draft(
        tenant_id=actor.tenant_id, ticket_id=ticket_id, membership_id=person_of(actor), kind=writing.kind,
        content=writing.content, files=list(writing.files), closes=writing.close,
    )  # fmt: skip
    if seen := writing.seen:
        draft.sequence, draft.assignee, draft.status = seen.last_sequence, seen.assignee_id, seen.status
    return draft


def _say(actor: Actor, ticket_id: UUID, writing: Writing, at: datetime) -> None:
    if writing.kind == DraftKind.NOTE:
        write_note(actor=actor, ticket_id=ticket_id, content=writing.content, attachment_ids=writing.files, at=at)
        return
    reply_to_ticket(
        actor=actor, ticket_id=ticket_id, content=writing.content, attachment_ids=writing.files, seen=writing.seen,
        close=writing.close, at=at,
    )  # fmt: skip


def _try_out(actor: Actor, ticket_id: UUID, writing: Writing, at: datetime) -> None:
    """Raises what sending it raises; nothing of it stays, no lock either."""
    with transaction.atomic():
        _say(actor, ticket_id, writing, at)
        transaction.set_rollback(True)


def _write_again(draft: Draft, user_id: UUID, at: datetime, *, refused: str = "") -> Draft:
    """A locked draft waits no longer: it stands above what its writer began since. Its form may be sent again."""
    hold_writing(draft.membership_id, draft.ticket_id, draft.kind)
    same = Draft.objects.in_tenants([draft.tenant_id]).filter(
        ticket=draft.ticket_id, membership=draft.membership_id, kind=draft.kind
    )
    if begun := same.being_written().first():
        draft.content, draft.files = _both(draft.content, begun.content), [*draft.files, *begun.files]
        begun.delete()
    if draft.form:
        forget_sending(tenant_id=draft.tenant_id, user_id=user_id, form_id=draft.form)
    draft.send_at, draft.form, draft.closes, draft.refused, draft.updated_at = None, None, False, refused, at
    draft.save()
    return draft


def _both(first: str, second: str) -> str:
    return "\n\n".join(words for words in (first, second) if words)
