"""What the OpenAPI document says of the agents' queue."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, Telling, component, documented
from ondi.common.errors import InvalidInput, PermissionDenied
from support import errors
from support.api.docs import ALREADY_OPEN, CUSTOMER, TICKET, TICKET_CLOSED, TICKET_DETAIL
from support.api.filters import LONGEST_SEARCH, SHORTEST_SEARCH
from support.api.serializers import AssignedToData, CountsData, QueueDetailData, QueueTicketData, TakeOverBody

REQUESTER = {"id": CUSTOMER["id"], "name": "Layla Hassan", "email": "customer1@tigris.demo"}
AGENT = {"id": "0197f0a0-0000-7000-8000-000000000003", "name": "Sara Kareem"}
DESK = {"requester": REQUESTER, "version": 3, "snoozed_until": None, "tags": ["courier"]}
STAFF_ONLY = {
    **DESK,
    "participants": [
        {
            "user": {"id": CUSTOMER["id"], "name": "Layla Hassan"},
            "role": "customer",
            "joined_at": TICKET["created_at"],
            "left_at": None,
        }
    ],
}
MINE = {**TICKET_DETAIL, **STAFF_ONLY, "assigned_to_user": AGENT}
WHO_MAY = [*TOKENS, errors.NotASupportUser(), PermissionDenied()]
ONE = {"ticket": QueueDetailData()}
TAKEN = Telling(errors.TicketAlreadyAssigned(UUID(AGENT["id"]), AGENT["name"]), AssignedToData)

list_queue = documented(
    "listQueue",
    "The tenant's shared queue",
    message="Support tickets retrieved",
    description="Open first, waiting on an agent first, longest waiting first. `total` is exact up to 10,000, beyond "
    "it 10000 with `total_capped`; `counts` are of open tickets, up to 1,000 (then `counts_capped`).",
    parameters=[
        *PAGE_PARAMETERS,
        OpenApiParameter(
            "assignment_scope", str, enum=["unassigned", "mine", "all"], description="`all` where it is left out."
        ),
        OpenApiParameter("status", component("TicketStatus")),
        OpenApiParameter("source", component("TicketSource")),
        OpenApiParameter("priority", component("Priority")),
        OpenApiParameter("waiting_on", component("WaitingOn")),
        OpenApiParameter("order_id", UUID),
        OpenApiParameter("delivery_id", UUID),
        OpenApiParameter("assigned_to", UUID, description="A user id; for leads and admins."),
        OpenApiParameter(
            "search",
            {"type": "string", "minLength": SHORTEST_SEARCH, "maxLength": LONGEST_SEARCH},
            description="2 to 200 characters, no wildcards: subject, message text, ticket number, order number, "
            "delivery code, customer name or e-mail.",
        ),
    ],
    data={
        "tickets": QueueTicketData(many=True),
        "pagination": PaginationData(),
        "counts": CountsData(),
        "total_capped": serializers.BooleanField(required=False),
        "counts_capped": serializers.BooleanField(required=False),
    },
    example={
        "tickets": [{**TICKET, **DESK}],
        "pagination": PAGINATION_EXAMPLE,
        "counts": {"unassigned": 1, "mine": 0, "all": 1},
    },
    refusals=[*WHO_MAY, InvalidInput({"search": ["invalid"]})],
)
retrieve = documented(
    "getQueueTicket",
    "Read a ticket of the queue",
    description="With who asks, who takes part, and the tags.",
    message="Support ticket retrieved",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.TicketNotFound()],
)
assign_to_me = documented(
    "assignTicketToMe",
    "Claim a ticket",
    message="Ticket assigned to you",
    description="Already mine: unchanged. Of any number of agents exactly one wins; the others learn who did.",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.TicketNotFound(), TAKEN, errors.TicketClosed()],
)
take_over = documented(
    "takeOverTicket",
    "Take a ticket over from a colleague",
    message="Ticket taken over",
    description="An unassigned ticket is claimed, one's own stays unchanged.",
    body=TakeOverBody,
    body_examples={"A reason": {"reason": "Sara is on holiday"}},
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.TicketNotFound(), errors.TicketClosed()],
)
release = documented(
    "releaseTicket",
    "Give my ticket back to the queue",
    description="My part in the conversation ends with it.",
    message="Ticket released",
    data=ONE,
    example={"ticket": {**MINE, "assigned_to_user": None}},
    refusals=[*WHO_MAY, errors.TicketNotFound(), errors.TicketNotAssignedToYou(), errors.TicketClosed()],
)
next_ticket = documented(
    "nextTicket",
    "Claim the next ticket that waits",
    message="Ticket assigned to you",
    description="The highest priority, then the longest waiting; not one's own, not put off.",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.QueueEmpty()],
    idempotent=True,
)
close = documented(
    "closeQueueTicket",
    "Close a ticket",
    message="Support ticket closed",
    description="Any support user, whatever `allow_customer_close` says; a closed one stays as it is.",
    data=ONE,
    example={"ticket": {**TICKET_CLOSED, **STAFF_ONLY}},
    refusals=[*WHO_MAY, errors.CustomerCloseDisabled(), errors.TicketNotFound()],
)
reopen = documented(
    "reopenTicket",
    "Open a closed ticket again",
    message="Support ticket reopened",
    description="It keeps its agent if they still are a support user, and waits on the agent from now.",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.TicketNotFound(), ALREADY_OPEN],
)
