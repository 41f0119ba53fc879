"""What the OpenAPI document says of the customer's calls."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, Telling, component, documented
from ondi.common.errors import InvalidInput
from ondi.files.errors import AttachmentNotFound, AttachmentNotUploaded
from support import errors, shown
from support.api.serializers import (
    CreateTicketBody,
    ExistingTicketData,
    ReopenOwnTicketBody,
    TicketData,
    TicketDetailData,
)
from support.shown import DELIVERY_ID, ORDER_ID, example

CUSTOMER = {"id": "0197f0a0-0000-7000-8000-000000000002", "name": "Layla H.", "role": "customer"}
TICKET = {
    **example(shown.TICKET),
    "conversation": {
        "id": "0197f0a0-0000-7000-8000-000000000022",
        "title": "Delivery delayed",
        "status": "active",
        "message_count": 1,
        "unread_count": 0,
        "last_message": {
            "id": "0197f0a0-0000-7000-8000-000000000023",
            "sender": CUSTOMER,
            "message_type": "text",
            "preview": "My delivery is delayed, please help",
            "created_at": "2026-11-23T09:30:00.000000Z",
        },
    },
    "assigned_to_user": None,
    "can_close": True,
    "can_reopen": False,
    "can_reply": True,
    "expected_reply_by": "2026-11-23T10:30:00.000000Z",
}
TICKET_DETAIL = {**TICKET, "delivery": example(shown.DELIVERY), "order": None}
TICKET_CLOSED = {
    **TICKET_DETAIL,
    "status": "closed",
    "waiting_on": None,
    "can_close": False,
    "can_reopen": False,
    "can_reply": False,
    "expected_reply_by": None,
    "closed_at": "2026-11-23T10:00:00.000000Z",
}
PORTAL_BODY = {
    "subject": "Delivery delayed",
    "priority": "medium",
    "source": "customer_portal",
    "related_delivery_id": DELIVERY_ID,
    "message": "My delivery is delayed, please help",
}
STOREFRONT_BODY = {
    "subject": "Wrong item received",
    "priority": "high",
    "source": "storefront",
    "related_order_id": ORDER_ID,
    "message": "My order had the wrong product, please help.",
}

ALREADY_OPEN = Telling(
    errors.TicketAlreadyOpenForRelated(UUID(str(TICKET["id"])), UUID("0197f0a0-0000-7000-8000-000000000022")),
    ExistingTicketData,
    always=False,
)
FILTERS = [
    OpenApiParameter("source", component("TicketSource")),
    OpenApiParameter("status", component("TicketStatus")),
    OpenApiParameter("related_delivery_id", UUID),
    OpenApiParameter("related_order_id", UUID),
]

list_tickets = documented(
    "GET customer/support/tickets",
    "listSupportTickets",
    "List my support tickets",
    message="Support tickets retrieved",
    description="Newest activity first. `source` scopes a portal's view. An empty filter is an absent one.",
    parameters=[*PAGE_PARAMETERS, *FILTERS],
    data={"tickets": TicketData(many=True), "pagination": PaginationData()},
    example={
        "tickets": [TICKET],
        "pagination": PAGINATION_EXAMPLE,
    },
    refusals=[*TOKENS, InvalidInput({"limit": ["max_value"]})],
)
create_ticket = documented(
    "POST customer/support/tickets",
    "createSupportTicket",
    "Open a support ticket",
    message="Support ticket created",
    description="With `source` `customer_portal` a delivery may be linked; with `storefront` the order is required, "
    "and the conversation's title and first message carry its number. One open ticket per delivery or order.",
    body=CreateTicketBody,
    body_examples={"About a delivery": PORTAL_BODY, "About an order": STOREFRONT_BODY},
    data={"ticket": TicketDetailData()},
    example={"ticket": TICKET_DETAIL},
    status=201,
    refusals=[
        *TOKENS,
        errors.SupportChatDisabled(),
        errors.DeliveryNotFound(),
        errors.OrderNotFound(),
        ALREADY_OPEN,
    ],
    idempotent=True,
)
retrieve_ticket = documented(
    "GET customer/support/tickets/<str:ticket_id>",
    "getSupportTicket",
    "Read one of my support tickets",
    description="With the delivery or order it is about, unless that is no longer mine.",
    message="Support ticket retrieved",
    data={"ticket": TicketDetailData()},
    example={"ticket": TICKET_DETAIL},
    refusals=[*TOKENS, errors.TicketNotFound()],
)
close_ticket = documented(
    "POST customer/support/tickets/<str:ticket_id>/close",
    "closeSupportTicket",
    "Close one of my support tickets",
    message="Support ticket closed",
    description="Only where the tenant's `allow_customer_close` is on. Closing a closed ticket changes nothing.",
    data={"ticket": TicketDetailData()},
    example={"ticket": TICKET_CLOSED},
    refusals=[*TOKENS, errors.CustomerCloseDisabled(), errors.TicketNotFound()],
)
reopen_ticket = documented(
    "POST customer/support/tickets/<str:ticket_id>/reopen",
    "reopenSupportTicket",
    "Open one of my support tickets again",
    message="Support ticket reopened",
    description="Within the tenant's `customer_reopen_days` after closing (0: never), with my words and files in the "
    "same step, or without. An open ticket stays as it is, and nothing is said. Where `can_reply`, a message into the "
    "closed conversation does the same.",
    body=ReopenOwnTicketBody,
    body_examples={"With words": {"message": "It is still not there."}, "Without": {}},
    data={"ticket": TicketDetailData()},
    example={"ticket": TICKET_DETAIL},
    refusals=[
        *TOKENS,
        errors.CustomerReopenDisabled(),
        errors.TicketNotFound(),
        AttachmentNotFound(),
        AttachmentNotUploaded(),
        ALREADY_OPEN,
    ],
    idempotent=True,
)
summary = documented(
    "GET customer/support/summary",
    "getSupportSummary",
    "Counts for a badge",
    description="How many of my tickets are open, and how many messages in mine I have not read.",
    message="Summary retrieved",
    data={"open_tickets": serializers.IntegerField(), "unread_messages": serializers.IntegerField()},
    example={"open_tickets": 2, "unread_messages": 5},
    refusals=TOKENS,
)
