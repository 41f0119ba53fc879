"""Who of the staff takes part in a ticket's conversation beside its agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.errors import ConversationClosed, ConversationNotFound
from conversations.models import Participant
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.prepared import insert_rows
from support import policies
from support.models import Ticket, TicketEvent
from support.publishing import PARTICIPANTS_CHANGED, of_ticket
from support.services.shared import event_of, hold_people, save_ticket
from support.vocabulary import EventKind

ADD, REMOVE, UPDATE = "add", "remove", "update"


@dataclass(frozen=True, slots=True)
class ParticipantResult:
    """What became of one person: `added`, `removed`, `updated`, `unchanged`, or `failed` with a code."""

    user_id: UUID
    status: str
    error: str | None = None


@transaction.atomic
def change_participants(
    *,
    actor: Actor,
    conversation_id: UUID,
    action: str,
    user_ids: Sequence[UUID],
    role: str = Participant.Role.MEMBER,
    at: datetime | None = None,
) -> list[ParticipantResult]:
    """Add, remove or update these people, each by itself: one failure does not hold up the others.

    Only support users of the tenant can be added; the ticket's customer and its agent stay. Unknown people
    and people of other tenants are one `not_found`. Locks the people to add, then the ticket. Raises
    `ConversationNotFound`, `PermissionDenied`, `ConversationClosed`.
    """
    if action == ADD and actor.is_support_user:
        hold_people(Membership.objects.visible_to(actor).filter(user_id__in=user_ids))
    ticket = Ticket.objects.visible_to(actor).locked().filter(conversation_id=conversation_id).first()
    if ticket is None:
        raise ConversationNotFound
    if refusal := policies.participants_refusal(ticket, actor):
        raise refusal
    if not ticket.is_open:
        raise ConversationClosed
    at = at or timezone.now()
    members = Membership.objects.visible_to(actor).active().filter(user_id__in=user_ids)
    by_user = {member.user_id: member for member in members}
    parts = {
        part.membership_id: part
        for part in Participant.objects.visible_to(actor).filter(conversation_id=conversation_id)
    }
    events: list[TicketEvent] = []
    results = [
        _change(ticket, actor, events, action, user_id, by_user.get(user_id), parts, role, at) for user_id in user_ids
    ]
    if events:
        save_ticket(ticket, at)
        insert_rows(*events, of_ticket(PARTICIPANTS_CHANGED, ticket, actor, at))
    return results


def _change(
    ticket: Ticket,
    actor: Actor,
    events: list[TicketEvent],
    action: str,
    user_id: UUID,
    member: Membership | None,
    parts: dict[UUID, Participant],
    role: str,
    at: datetime,
) -> ParticipantResult:
    if member is None:
        return ParticipantResult(user_id, "failed", "not_found")
    part = parts.get(member.id)
    present = part is not None and part.left_at is None
    if action == ADD:
        if not member.is_support_user:
            return ParticipantResult(user_id, "failed", "not_a_support_user")
        if present:
            return ParticipantResult(user_id, "unchanged")
        part = part or Participant(
            tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, membership=member, joined_at=at
        )
        part.left_at, part.role = None, role
        parts[member.id] = part
        return _done(ticket, actor, events, part, user_id, EventKind.PARTICIPANT_ADDED, "added", at)
    if part is None or not present:
        return ParticipantResult(user_id, *(("unchanged",) if action == REMOVE else ("failed", "not_a_participant")))
    if member.id in (ticket.requester_id, ticket.assignee_id if action == REMOVE else None):
        return ParticipantResult(user_id, "failed", "permission_denied")
    if action == REMOVE:
        part.left_at = at
        return _done(ticket, actor, events, part, user_id, EventKind.PARTICIPANT_REMOVED, "removed", at)
    if part.role == role:
        return ParticipantResult(user_id, "unchanged")
    part.role = role
    return _done(ticket, actor, events, part, user_id, EventKind.PARTICIPANT_UPDATED, "updated", at)


def _done(
    ticket: Ticket,
    actor: Actor,
    events: list[TicketEvent],
    part: Participant,
    user_id: UUID,
    kind: EventKind,
    status: str,
    at: datetime,
) -> ParticipantResult:
    part.save()
    events.append(event_of(ticket, kind, actor, at, {}, {"participant": str(part.membership_id), "role": part.role}))
    return ParticipantResult(user_id, status)
