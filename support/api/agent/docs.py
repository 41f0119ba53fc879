"""What the OpenAPI document says of the agents' queue."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import override
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, Telling, component, documented
from ondi.common.errors import DomainError, InvalidInput, PermissionDenied
from support import errors
from support.actions import Action, Operation
from support.api.customer.docs import ALREADY_OPEN, CUSTOMER, TICKET, TICKET_DETAIL
from support.api.filters import LONGEST_SEARCH, SHORTEST_SEARCH
from support.api.serializers import (
    AssignedToData,
    ChangedTicketData,
    CountsData,
    EventData,
    NoteData,
    QueueDetailData,
    QueueTicketData,
)
from support.shown import DELIVERY_ID

REQUESTER = {"id": CUSTOMER["id"], "name": "Layla Hassan", "email": "customer1@tigris.demo"}
AGENT = {"id": "0197f0a0-0000-7000-8000-000000000003", "name": "Sara Kareem"}
SERVICE_LEVEL = {
    "metric": "first_response", "due_at": TICKET["expected_reply_by"], "state": "running", "target_minutes": 60,
}  # fmt: skip
STAFF_ONLY = {"requester": REQUESTER, "version": 3, "snoozed_until": None, "tags": ["courier"],
              "service_levels": [SERVICE_LEVEL]}  # fmt: skip
DETAIL = {
    **STAFF_ONLY,
    "participants": [
        {
            "user": {"id": CUSTOMER["id"], "name": "Layla Hassan"},
            "role": "customer",
            "joined_at": TICKET["created_at"],
            "left_at": None,
        }
    ],
}
MINE = {**TICKET_DETAIL, **DETAIL, "assigned_to_user": AGENT}
NOTE = {
    "id": "0197f0a0-0000-7000-8000-000000000031",
    "author": AGENT,
    "content": "The courier lost it.",
    "attachments": [],
    "created_at": TICKET["created_at"],
}
EVENT = {
    "id": "0197f0a0-0000-7000-8000-000000000032", "kind": "priority_changed", "actor": AGENT, "cause": "",
    "before": {"priority": "medium"}, "after": {"priority": "high"}, "created_at": TICKET["created_at"],
}  # fmt: skip
EXAMPLES = {
    "take-over": {"reason": "Sara is on holiday"},
    "assign": {"user_id": AGENT["id"]},
    "priority": {"priority": "high"},
    "tags": {"add": ["courier"]},
    "snooze": {"until": "2026-11-24T06:00:00Z"},
    "change-link": {"related_delivery_id": DELIVERY_ID},
    "note": {"content": "The courier lost it."},
    "close": {"version": 3},
}
WHO_MAY = [*TOKENS, errors.NotASupportUser(), PermissionDenied()]
ONE = {"ticket": QueueDetailData()}
TAKEN = Telling(errors.TicketAlreadyAssigned(UUID(AGENT["id"]), AGENT["name"]), AssignedToData)

list_queue = documented(
    "GET messaging/support/tickets",
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
        OpenApiParameter("sort", str, enum=["due"], description="What is due first comes first."),
        OpenApiParameter("due_before", datetime, description="Open ones with a promise that is due before this."),
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
        "tickets": [{**TICKET, **STAFF_ONLY}],
        "pagination": PAGINATION_EXAMPLE,
        "counts": {"unassigned": 1, "mine": 0, "all": 1},
    },
    refusals=[*WHO_MAY, InvalidInput({"search": ["invalid"]})],
)
retrieve = documented(
    "GET messaging/support/tickets/<str:ticket_id>",
    "getQueueTicket",
    "Read a ticket of the queue",
    description="With who asks, who takes part, and the tags.",
    message="Support ticket retrieved",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.TicketNotFound()],
)
list_notes = documented(
    "GET messaging/support/tickets/<str:ticket_id>/notes",
    "listTicketNotes",
    "Read a ticket's internal notes",
    description="The newest first.",
    message="Notes retrieved",
    parameters=PAGE_PARAMETERS,
    data={"notes": NoteData(many=True), "pagination": PaginationData()},
    example={"notes": [NOTE], "pagination": PAGINATION_EXAMPLE},
    refusals=[*WHO_MAY, errors.TicketNotFound()],
)
list_events = documented(
    "GET messaging/support/tickets/<str:ticket_id>/events",
    "listTicketEvents",
    "Read a ticket's history",
    description="Codes and ids, the newest first.",
    message="History retrieved",
    parameters=PAGE_PARAMETERS,
    data={"events": EventData(many=True), "pagination": PaginationData()},
    example={"events": [EVENT], "pagination": PAGINATION_EXAMPLE},
    refusals=[*WHO_MAY, errors.TicketNotFound()],
)
next_ticket = documented(
    "POST messaging/support/tickets/next",
    "nextTicket",
    "Claim the next ticket that waits",
    message="Ticket assigned to you",
    description="The highest priority, then the longest waiting; not your own, not snoozed.",
    data=ONE,
    example={"ticket": MINE},
    refusals=[*WHO_MAY, errors.QueueEmpty()],
    idempotent=True,
)


def action(
    row: Action, operation: Operation, body: type[serializers.Serializer[Any]] | None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What the document says of an action of `support.actions`."""
    is_note = operation.path == "note"
    with override("en"):  # routes may be loaded while somebody is answered in another language
        message = str(operation.done)
    refusals: list[Any] = [*WHO_MAY, errors.TicketNotFound(), *map(_example_of, operation.errors)]
    if row.versioned:
        refusals.append(Telling(errors.TicketChanged({"ticket": MINE}), ChangedTicketData))
    return documented(
        f"POST messaging/support/tickets/<str:ticket_id>/{operation.path}",
        operation.name,
        operation.summary,
        description=operation.about,
        message=message,
        body=body,
        body_examples={"Such": EXAMPLES[operation.path]} if operation.path in EXAMPLES else None,
        status=201 if is_note else 200,
        data={"note": NoteData()} if is_note else ONE,
        example={"note": NOTE} if is_note else {"ticket": MINE},
        refusals=refusals,
    )


def _example_of(error: type[DomainError]) -> Any:
    if error is errors.TicketAlreadyAssigned:
        return TAKEN
    return ALREADY_OPEN if error is errors.TicketAlreadyOpenForRelated else error()
