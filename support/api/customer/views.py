"""The customer's calls: open, list, read, close and reopen one's own tickets."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.api.idempotency import idempotent
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, body_or_refusal, path_id, valid_body
from support import policies
from support.api.customer import docs
from support.api.filters import CustomerTicketFilter, filters_of
from support.api.presentation import ticket_data, ticket_detail_data
from support.api.serializers import CreateTicketBody, ReopenOwnTicketBody
from support.errors import DeliveryNotFound, OrderNotFound, TicketNotFound
from support.models import Ticket
from support.reads import own_detail, own_page
from support.services import close_ticket, open_ticket, reopen_ticket


class MayOpenTicket(BasePermission):
    """Asks the policy before the body is read (order of refusal, API.md section 1)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action == "create" and (refusal := policies.opening_refusal(actor_of(request))):
            raise refusal
        return True


class CustomerTicketViewSet(ApiViewSet):
    permission_classes = (IsAuthenticated, MayOpenTicket)
    queryset = Ticket.objects.none()

    @docs.list_tickets
    def list(self, request: Request) -> Response:
        actor = actor_of(request)
        page = requested_page(request.query_params)
        rows, total = own_page(actor, page, filters_of(request, CustomerTicketFilter))
        data = {"tickets": [ticket_data(row, actor) for row in rows], "pagination": page.describe(total)}
        return success(_("Support tickets retrieved"), data)

    @docs.create_ticket
    @idempotent(lambda request, kept: _refuse_to_show(actor_of(request), kept))
    def create(self, request: Request) -> Response:
        body = valid_body(CreateTicketBody, request)
        actor = actor_of(request)
        ticket = open_ticket(actor=actor, **body)
        return success(_("Support ticket created"), _detail(actor, ticket.id), status=201)

    @docs.retrieve_ticket
    def retrieve(self, request: Request, ticket_id: str) -> Response:
        return success(_("Support ticket retrieved"), _detail(actor_of(request), path_id(ticket_id)))

    @docs.close_ticket
    def close(self, request: Request, ticket_id: str) -> Response:
        actor = actor_of(request)
        own = Ticket.objects.requested_by(actor)
        ticket = close_ticket(actor=actor, ticket_id=path_id(ticket_id), among=own)
        return success(_("Support ticket closed"), _detail(actor, ticket.id))

    @docs.reopen_ticket
    @idempotent(lambda request, kept, ticket_id: _refuse_reopening(actor_of(request), path_id(ticket_id), kept))
    def reopen(self, request: Request, ticket_id: str) -> Response:
        actor, key = actor_of(request), path_id(ticket_id)
        body = body_or_refusal(ReopenOwnTicketBody, request, lambda: _refuse_reopening(actor, key))
        ticket = reopen_ticket(actor=actor, ticket_id=key, among=Ticket.objects.requested_by(actor), **body)
        return success(_("Support ticket reopened"), _detail(actor, ticket.id))

    @docs.summary
    def summary(self, request: Request) -> Response:
        actor = actor_of(request)
        return success(_("Summary retrieved"), Ticket.objects.requested_by(actor).summary_for(actor))


def _refuse_to_show(actor: Actor, kept: Mapping[str, Any] | None) -> None:
    """Refuse a ticket, as it was told once, whose item or which itself is not the actor's any more."""
    if kept is None:
        return
    told, now = kept["ticket"], _detail(actor, kept["ticket"]["id"])["ticket"]
    for item, error in (("delivery", DeliveryNotFound), ("order", OrderNotFound)):
        if told[item] and not now[item]:
            raise error


def _refuse_reopening(actor: Actor, ticket_id: UUID, kept: Mapping[str, Any] | None = None) -> None:
    """Raises what comes before what is wrong with a body: 404 of the path, 403; and as `_refuse_to_show`."""
    ticket = Ticket.objects.requested_by(actor).filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    if refusal := policies.reopening_refusal(ticket, actor):
        raise refusal
    _refuse_to_show(actor, kept)


def _detail(actor: Actor, ticket_id: Any) -> dict[str, Any]:
    row = own_detail(actor, ticket_id)
    if row is None:
        raise TicketNotFound
    return {"ticket": ticket_detail_data(row, actor)}
