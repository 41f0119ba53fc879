"""Tickets and messages as a tenant's own programs read them, with an API key: they keep a copy by the feed."""

from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.errors import MessageNotFound
from conversations.models import Message, Participant
from conversations.reads import earlier_messages, find_sequence, later_messages, newest_messages
from ondi.accounts.actors import Actor
from ondi.accounts.api_keys import ApiKeyAuthentication, HasScope, Integration
from ondi.accounts.models import Scope
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, path_id
from ondi.common.errors import InvalidInput
from ondi.common.ids import parse_id
from ondi.files.links import FileReader
from support.api.messaging.message_data import messages_data
from support.api.messaging.parameters import required_id
from support.api.presentation import program_ticket_data
from support.api.programs import docs
from support.errors import TicketNotFound
from support.models import Ticket

BESIDE = {"after": later_messages, "before": earlier_messages}
IDS_AT_ONCE = 50


class ProgramTicketViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    scope = Scope.TICKETS_READ
    queryset = Ticket.objects.none()

    @docs.list_tickets
    def list(self, request: Request) -> Response:
        """Those of `ids`, else all by their keys, which grow: what a page passed over is in the feed since."""
        program, parameters = _program(request), request.query_params
        found = Ticket.objects.visible_to(program).for_programs(program).order_by("id")
        if "ids" in parameters:
            _refuse_beside(("after", "limit"), parameters)
            rows, has_more = list(found.filter(id__in=_wanted_ids(parameters))), False
        else:
            limit = requested_page(parameters).limit
            if "after" in parameters:
                found = found.filter(id__gt=required_id(parameters, "after"))
            rows = list(found[: limit + 1])
            rows, has_more = rows[:limit], len(rows) > limit
        return success(_("Support tickets retrieved"), {"tickets": _tickets_data(rows, program), "has_more": has_more})

    @docs.retrieve
    def retrieve(self, request: Request, ticket_id: str) -> Response:
        program = _program(request)
        rows = list(Ticket.objects.visible_to(program).for_programs(program).filter(id=path_id(ticket_id)))
        if not rows:
            raise TicketNotFound
        return success(_("Support ticket retrieved"), {"ticket": _tickets_data(rows, program)[0]})


class ProgramMessageViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    scope = Scope.TICKETS_READ
    queryset = Message.objects.none()

    @docs.list_messages
    def list(self, request: Request, ticket_id: str) -> Response:
        program, parameters = _program(request), request.query_params
        tickets = Ticket.objects.visible_to(program).filter(id=path_id(ticket_id))
        conversation_id = tickets.values_list("conversation_id", flat=True).first()
        if conversation_id is None:
            raise TicketNotFound
        limit = requested_page(parameters).limit
        beside = next((name for name in BESIDE if name in parameters), None)
        if beside is None:
            rows = newest_messages(program, conversation_id, start=0, limit=limit + 1)
        else:
            _refuse_beside(set(BESIDE) - {beside}, parameters)
            message = required_id(parameters, beside)
            if find_sequence(program, conversation_id, message) is None:
                raise MessageNotFound
            rows = BESIDE[beside](program, conversation_id, message, limit=limit + 1)
        key = FileReader.key(cast(Integration, request.user).user_id)
        shown = messages_data(rows[:limit], program, short=False, here=address_of(request), reader=key)
        return success(_("Messages retrieved"), {"messages": shown, "has_more": len(rows) > limit})


def _program(request: Request) -> Actor:
    return Actor.program(cast(Integration, request.user).tenant_id)


def _tickets_data(rows: Sequence[Any], program: Actor) -> list[dict[str, Any]]:
    """With who takes part in each, read at once."""
    found: dict[UUID, list[Participant]] = {row.conversation_id: [] for row in rows}
    for participant in Participant.objects.visible_to(program).of_conversations(list(found)):
        found[participant.conversation_id].append(participant)
    return [program_ticket_data(row, program, found[row.conversation_id]) for row in rows]


def _refuse_beside(others: Collection[str], parameters: QueryDict) -> None:
    """Raises `InvalidInput` on those that do not go with what is asked."""
    if clashing := {other: ["not_allowed"] for other in sorted(others) if other in parameters}:
        raise InvalidInput(clashing)


def _wanted_ids(parameters: QueryDict) -> set[UUID]:
    """`ids`: ids with commas between them. Raises `InvalidInput`."""
    texts = [text for given in parameters.getlist("ids") for text in given.split(",")]
    if texts == [""]:
        raise InvalidInput({"ids": ["required"]})
    if len(texts) > IDS_AT_ONCE:
        raise InvalidInput({"ids": ["max_length"]})
    found = [parse_id(text) for text in texts]
    if None in found:
        raise InvalidInput({"ids": ["invalid"]})
    return {key for key in found if key}
