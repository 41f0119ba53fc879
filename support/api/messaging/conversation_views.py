"""Conversations as such: who speaks with whom, and who takes part. Every conversation belongs to a ticket."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.errors import ConversationNotFound
from conversations.models import Participant
from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, body_or_refusal, path_id
from ondi.common.errors import InvalidInput
from support import policies
from support.api.filters import ConversationFilter, filters_of
from support.api.messaging import conversation_docs as docs
from support.api.presentation import conversation_data
from support.api.serializers import ParticipantsBody
from support.models import Ticket
from support.services import change_participants


class ConversationViewSet(ApiViewSet):
    queryset = Ticket.objects.none()

    @docs.list_conversations
    def list(self, request: Request) -> Response:
        actor = actor_of(request)
        page = requested_page(request.query_params)
        tickets = Ticket.objects.taken_part_in_by(actor).filter(**filters_of(request, ConversationFilter))
        rows = page.rows(tickets.newest_activity_first().for_conversations(actor))
        participants = _participants(actor, [row.conversation_id for row in rows])
        data = {
            "conversations": [conversation_data(row, actor, participants[row.conversation_id]) for row in rows],
            "pagination": page.describe(tickets.count()),
        }
        return success(_("Conversations retrieved"), data)

    @docs.retrieve_conversation
    def retrieve(self, request: Request, conversation_id: str) -> Response:
        actor = actor_of(request)
        tickets = Ticket.objects.visible_to(actor).filter(conversation_id=path_id(conversation_id))
        row = tickets.for_conversations(actor).first()
        if row is None:
            raise ConversationNotFound
        participants = _participants(actor, [row.conversation_id])[row.conversation_id]
        return success(_("Conversation retrieved"), {"conversation": conversation_data(row, actor, participants)})


class ParticipantsViewSet(ApiViewSet):
    queryset = Participant.objects.none()

    @docs.change_participants
    def update(self, request: Request, conversation_id: str) -> Response:
        actor = actor_of(request)
        body = body_or_refusal(ParticipantsBody, request, lambda: _refuse_change(actor, conversation_id))
        found = change_participants(actor=actor, conversation_id=path_id(conversation_id), **body)
        results = [{"user_id": str(one.user_id), "status": one.status, "error": one.error} for one in found]
        failed = sum(one.status == "failed" for one in found)
        if failed == len(found):
            raise NobodyChanged(results)
        return success(_("Participants updated"), {"results": results}, status=207 if failed else 200)


class NobodyChanged(InvalidInput):
    """Every single change failed."""

    def __init__(self, results: Any) -> None:
        super().__init__({"user_ids": ["invalid"]})
        self.data = {**(self.data or {}), "results": results}


def _participants(actor: Actor, conversation_ids: list[UUID]) -> dict[UUID, list[Participant]]:
    found: dict[UUID, list[Participant]] = {conversation_id: [] for conversation_id in conversation_ids}
    for participant in Participant.objects.visible_to(actor).of_conversations(conversation_ids):
        found[participant.conversation_id].append(participant)
    return found


def _refuse_change(actor: Actor, conversation_id: str) -> None:
    ticket = Ticket.objects.visible_to(actor).filter(conversation_id=path_id(conversation_id)).first()
    if ticket is None:
        raise ConversationNotFound
    if refusal := policies.participants_refusal(ticket, actor):
        raise refusal
