"""The agents' calls: the shared queue, and working on tickets."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import Participant
from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.api.idempotency import idempotent
from ondi.api.pagination import LAST_ROW, requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, path_id
from ondi.common.errors import PermissionDenied
from support import policies, services
from support.api.agent import docs
from support.api.filters import wanted_of_queue
from support.api.presentation import event_data, notes_data, queue_detail_data, queue_ticket_data
from support.errors import NotASupportUser, TicketNotFound
from support.models import Ticket, TicketEvent, TicketNote
from support.reads import COUNTED_AT_MOST, queue_page


class IsSupportUser(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        actor = actor_of(request)
        if not actor.is_support_user:
            raise NotASupportUser
        if request.query_params.get("assigned_to") and not actor.is_lead:
            raise PermissionDenied
        return True


class AgentTicketViewSet(ApiViewSet):
    permission_classes = (IsAuthenticated, IsSupportUser)
    queryset = Ticket.objects.none()

    @docs.list_queue
    def list(self, request: Request) -> Response:
        actor = actor_of(request)
        page = requested_page(request.query_params)
        wanted, by_due = wanted_of_queue(request, actor)
        rows, total, counts = queue_page(actor, page, wanted, by_due=by_due)
        data: dict[str, Any] = {
            "tickets": [queue_ticket_data(row, actor) for row in rows],
            "pagination": page.describe(min(total, LAST_ROW)),
            "counts": {name: min(count, COUNTED_AT_MOST) for name, count in counts.items()},
        }
        if total > LAST_ROW:
            data["total_capped"] = True
        if max(counts.values()) > COUNTED_AT_MOST:
            data["counts_capped"] = True
        return success(_("Support tickets retrieved"), data)

    @docs.retrieve
    def retrieve(self, request: Request, ticket_id: str) -> Response:
        return success(_("Support ticket retrieved"), queue_detail(actor_of(request), path_id(ticket_id)))

    @docs.list_notes
    def notes(self, request: Request, ticket_id: str) -> Response:
        ticket, page = self._visible_ticket(request, ticket_id), requested_page(request.query_params)
        found = TicketNote.objects.of(ticket)
        rows = page.rows(found.order_by("-created_at", "-id"))
        data = {
            "notes": notes_data(rows, actor_of(request), address_of(request)),
            "pagination": page.describe(found.count()),
        }
        return success(_("Notes retrieved"), data)

    @docs.list_events
    def events(self, request: Request, ticket_id: str) -> Response:
        ticket, page = self._visible_ticket(request, ticket_id), requested_page(request.query_params)
        found = TicketEvent.objects.of(ticket)
        rows = page.rows(found.order_by("-created_at", "-id"))
        data = {"events": [event_data(event) for event in rows], "pagination": page.describe(found.count())}
        return success(_("History retrieved"), data)

    @docs.next_ticket
    @idempotent(lambda request, kept: kept and queue_detail(actor_of(request), kept["ticket"]["id"]))
    def next(self, request: Request) -> Response:
        actor = actor_of(request)
        ticket = services.claim_next_ticket(actor=actor)
        return success(_("Ticket assigned to you"), queue_detail(actor, ticket.id))

    def _visible_ticket(self, request: Request, ticket_id: str) -> Ticket:
        """One whose staff side this person may see. Raises `TicketNotFound`, and as `handling_refusal`."""
        actor = actor_of(request)
        ticket = Ticket.objects.visible_to(actor).filter(id=path_id(ticket_id)).first()
        if ticket is None:
            raise TicketNotFound
        if refusal := policies.handling_refusal(ticket, actor):
            raise refusal
        return ticket


def queue_detail(actor: Actor, ticket_id: Any) -> dict[str, Any]:
    """The ticket as agents read it. Raises `TicketNotFound`."""
    row = Ticket.objects.visible_to(actor).for_queue_detail(actor).filter(id=ticket_id).first()
    if row is None:
        raise TicketNotFound
    participants = Participant.objects.visible_to(actor).of_conversations([row.conversation_id])
    return {"ticket": queue_detail_data(row, actor, participants)}
