"""Reads of tickets. `for_list` and `for_detail` answer with rows, not models: that is where the time goes."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.db.models import Count, F, FilteredRelation, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from support.models import Ticket, TicketEvent, TicketNote  # noqa: F401 - named in strings

LIST_FIELDS = (
    "id", "number", "subject", "status", "priority", "source", "delivery_id", "order_id", "requester_id",
    "waiting_on", "created_at", "updated_at", "last_activity_at", "closed_at",
    "assignee__user_id", "assignee__first_name", "assignee__last_name", "assignee__erased_at",
    "conversation_id", "conversation__title", "conversation__status", "conversation__message_count",
    "conversation__last_message_id", "conversation__last_message_sender_role", "conversation__last_message_type",
    "conversation__last_message_preview", "conversation__last_message_event", "conversation__last_message_at",
    "conversation__last_message_sender__user_id", "conversation__last_message_sender__first_name",
    "conversation__last_message_sender__last_name", "conversation__last_message_sender__erased_at",
    "part__last_read_sequence", "part__joined_at", "part__left_at",
)  # fmt: skip
DETAIL_FIELDS = (
    *LIST_FIELDS,
    "delivery__customer_id", "delivery__delivery_code", "delivery__status", "delivery__from_address",
    "delivery__to_address", "delivery__promised_at", "delivery__delivered_at", "delivery__order_id",
    "order__customer_id", "order__number", "order__status", "order__payment_status", "order__currency",
    "order__total_amount", "order__item_count", "order__placed_at",
)  # fmt: skip


class SupportViewer(Protocol):
    """Somebody who reads tickets: `support_tenant_ids` are the tenants whose whole desk they see."""

    @property
    def tenant_ids(self) -> Collection[UUID]: ...
    @property
    def support_tenant_ids(self) -> Collection[UUID]: ...
    @property
    def membership_id(self) -> UUID | None: ...


class TicketQuerySet(TenantQuerySet["Ticket"]):
    def visible_to(self, viewer: SupportViewer) -> "TicketQuerySet":  # type: ignore[override]
        """Support users see their tenant's tickets, everybody else their own."""
        if viewer.support_tenant_ids:
            return self.in_tenants(viewer.support_tenant_ids)
        return self.in_tenants(viewer.tenant_ids).filter(requester_id=viewer.membership_id)

    def requested_by(self, actor: Actor) -> "TicketQuerySet":
        """The actor's own tickets, as the customer portal shows them, also to staff."""
        return self.in_tenants(actor.tenant_ids).filter(requester_id=actor.membership_id)

    def open(self) -> "TicketQuerySet":
        return self.filter(status="open")

    def holding_item_of(self, ticket: "Ticket") -> "TicketQuerySet":
        """Other open tickets on this ticket's delivery or order."""
        item = {"delivery_id": ticket.delivery_id} if ticket.delivery_id else {"order_id": ticket.order_id}
        return self.open().filter(tenant_id=ticket.tenant_id, **item).exclude(id=ticket.id)

    def newest_activity_first(self) -> "TicketQuerySet":
        return self.order_by("-last_activity_at", "-id")

    def for_list(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows of a list, with the viewer's own part in each conversation."""
        return self._with_part_of(viewer).values_list(*LIST_FIELDS, named=True)

    def for_detail(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows with the linked delivery and order as well."""
        return self._with_part_of(viewer).values_list(*DETAIL_FIELDS, named=True)

    def summary_for(self, viewer: Actor) -> dict[str, int]:
        """How many of these are open, and how many messages in them the viewer has not read."""
        unread = F("conversation__message_count") - Coalesce(F("part__last_read_sequence"), 0)
        return self._with_part_of(viewer).aggregate(
            open_tickets=Count("id", filter=Q(status="open")), unread_messages=Coalesce(Sum(unread), 0)
        )

    def _with_part_of(self, viewer: Actor) -> "TicketQuerySet":
        own = Q(
            conversation__participants__tenant_id=viewer.tenant_id,
            conversation__participants__membership_id=viewer.membership_id,
        )
        return self.annotate(part=FilteredRelation("conversation__participants", condition=own))


class TicketEventQuerySet(TenantQuerySet["TicketEvent"]):
    def of(self, ticket: "Ticket") -> "TicketEventQuerySet":
        return self.filter(tenant_id=ticket.tenant_id, ticket=ticket).select_related("actor")


class TicketNoteQuerySet(TenantQuerySet["TicketNote"]):
    def of(self, ticket: "Ticket") -> "TicketNoteQuerySet":
        return self.filter(tenant_id=ticket.tenant_id, ticket=ticket).select_related("author")
