"""What the OpenAPI document says of reading tickets with an API key."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from conversations.errors import MessageNotFound
from ondi.accounts.errors import ApiKeyInvalid
from ondi.api.schema import PAGE_PARAMETERS, documented
from ondi.common.errors import InvalidInput, PermissionDenied
from support.api.agent.docs import MINE
from support.api.messaging.message_docs import MESSAGE
from support.api.messaging.serializers import MessageData
from support.api.serializers import ProgramTicketData
from support.errors import TicketNotFound

TICKET = {
    **MINE,
    "can_close": False,
    "can_reopen": False,
    "can_reply": False,
    "requester": {"id": MINE["requester"]["id"], "external_id": "c-77"},
    "order_external_id": None,
    "delivery_external_id": "d-1",
}
LIMIT = next(one for one in PAGE_PARAMETERS if one.name == "limit")
KEY = [ApiKeyInvalid(), PermissionDenied()]
NEEDS = "Needs the scope `tickets:read`. "

list_tickets = documented(
    "GET integrations/tickets",
    "listTenantTickets",
    "Read the tenant's tickets",
    message="Support tickets retrieved",
    description=NEEDS + "Without `ids` all of them, the oldest first: ask again with `after`, the last ticket's id, "
    "while `has_more`. To keep a copy: take the feed's position, read all, then follow the feed from that position "
    "and read by `ids` what it names.",
    parameters=[
        OpenApiParameter("after", UUID, description="The id of the last ticket that was read."),
        LIMIT,
        OpenApiParameter(
            "ids",
            {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1, "maxItems": 50},
            description="1 to 50 ids with commas between them; those that exist are answered. Not beside the others.",
            explode=False,
            style="form",
        ),
    ],
    data={"tickets": ProgramTicketData(many=True), "has_more": serializers.BooleanField()},
    example={"tickets": [TICKET], "has_more": False},
    refusals=[*KEY, InvalidInput({"ids": ["invalid"]})],
    api_key=True,
)
retrieve = documented(
    "GET integrations/tickets/<str:ticket_id>",
    "getTenantTicket",
    "Read one of the tenant's tickets",
    message="Support ticket retrieved",
    description=NEEDS + "As agents read it, but for who asks: the ids alone. Internal notes are not in it.",
    data={"ticket": ProgramTicketData()},
    example={"ticket": TICKET},
    refusals=[*KEY, TicketNotFound()],
    api_key=True,
)
list_messages = documented(
    "GET integrations/tickets/<str:ticket_id>/messages",
    "listTenantTicketMessages",
    "Read a ticket's messages",
    message="Messages retrieved",
    description=NEEDS + "The newest first; with `after` what came after that message, the oldest first; with `before` "
    "what stood before it, the newest first. Marks nothing as read.",
    parameters=[OpenApiParameter("after", UUID), OpenApiParameter("before", UUID), LIMIT],
    data={"messages": MessageData(many=True), "has_more": serializers.BooleanField()},
    example={"messages": [MESSAGE], "has_more": False},
    refusals=[*KEY, TicketNotFound(), MessageNotFound(), InvalidInput({"before": ["not_allowed"]})],
    api_key=True,
)
