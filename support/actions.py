"""What people do to a ticket, one row an action, below every door.

The admin makes buttons, dialogs and bulk actions of these rows (`admin/buttons.py`), the API its routes, bodies and
documentation (`api/agent/actions.py`); `actions_open_to` says which of them somebody has now.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.files.errors import AttachmentNotFound, AttachmentNotUploaded
from support import errors
from support.policies import TicketState, closing_refusal, handling_refusal, redaction_refusal, reopening_refusal
from support.services import assignment, changes, lifecycle, redaction, replying
from support.vocabulary import LONGEST_MESSAGE, LONGEST_REASON, TicketStatus


class Kind(StrEnum):
    """What sort of thing a parameter is; each door knows how its people say it."""

    TEXT = "text"
    PRIORITY = "priority"
    PERSON = "person"  # a support user of the tenant
    TAGS = "tags"
    MOMENT = "moment"
    ID = "id"
    FILES = "files"  # drafts of the actor's own


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of the service. `key`: what the API calls it, where that is another word; `most`: characters.

    `is_nullable`: None says that there is to be none.
    """

    kind: Kind
    key: str = ""
    is_required: bool = True
    is_nullable: bool = False
    most: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """The action as a call of the agents' API. `path`: the last word of its route; `errors`: beyond what all refuse."""

    name: str
    path: str
    summary: str
    about: str
    done: str | Promise
    errors: Sequence[type[DomainError]] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """`service` does it; `fits`: it makes sense in this state; `refusal`: why this person may not, whatever the state.

    `parameters`: by the service's own names. `versioned`: the service refuses where the ticket is no longer what was
    shown. `in_bulk`: for several tickets at once. `place_in_macros`: a macro does its actions in this order; 0: none
    does it. Without an `operation` the agents' API has another call for it.
    """

    service: Callable[..., Any]
    fits: Callable[[TicketState, Actor], bool]
    refusal: Callable[[TicketState, Actor], DomainError | None] = handling_refusal
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    versioned: bool = False
    in_bulk: bool = True
    place_in_macros: int = 0
    operation: Operation | None = None


def _is_open(ticket: TicketState, _actor: Actor) -> bool:
    return ticket.status == TicketStatus.OPEN


def _is_closed(ticket: TicketState, actor: Actor) -> bool:
    return not _is_open(ticket, actor)


def _is_nobodys(ticket: TicketState, actor: Actor) -> bool:
    return _is_open(ticket, actor) and ticket.assignee_id is None


def _is_mine(ticket: TicketState, actor: Actor) -> bool:
    return _is_open(ticket, actor) and ticket.assignee_id == actor.membership_id


def _is_a_colleagues(ticket: TicketState, actor: Actor) -> bool:
    return _is_open(ticket, actor) and ticket.assignee_id not in (None, actor.membership_id)


def _can_be_handed_on(ticket: TicketState, actor: Actor) -> bool:
    return _is_open(ticket, actor) and (actor.is_lead or not _is_a_colleagues(ticket, actor))


def _always(_ticket: TicketState, _actor: Actor) -> bool:
    return True


ACTIONS = {
    "claim": Action(
        assignment.claim_ticket,
        _is_nobodys,
        place_in_macros=2,
        operation=Operation(
            "assignTicketToMe", "assign-to-me", "Claim a ticket",
            "Already mine: unchanged. Of any number of agents exactly one wins; the others learn who did.",
            _("Ticket assigned to you"), (errors.TicketAlreadyAssigned, errors.TicketClosed),
        ),
    ),
    "take_over": Action(
        assignment.take_over_ticket,
        _is_a_colleagues,
        parameters={"reason": Parameter(Kind.TEXT, most=LONGEST_REASON)},
        in_bulk=False,
        operation=Operation(
            "takeOverTicket", "take-over", "Take a ticket over from a colleague",
            "An unassigned ticket is claimed, one's own stays unchanged. The reason is kept as an internal note.",
            _("Ticket taken over"), (errors.TicketClosed,),
        ),
    ),
    "release": Action(
        assignment.release_ticket,
        _is_mine,
        place_in_macros=8,
        operation=Operation(
            "releaseTicket", "release", "Give my ticket back to the queue",
            "My part in the conversation ends with it.",
            _("Ticket released"), (errors.TicketNotAssignedToYou, errors.TicketClosed),
        ),
    ),
    "assign": Action(
        assignment.assign_ticket,
        _can_be_handed_on,
        parameters={
            "assignee_id": Parameter(Kind.PERSON, "user_id"),
            "reason": Parameter(Kind.TEXT, is_required=False, most=LONGEST_REASON),
        },
        versioned=True,
        place_in_macros=7,
        operation=Operation(
            "assignTicket", "assign", "Hand a ticket to a colleague",
            "What was another's leads and admins hand on, and say the reason, which is kept as an internal note.",
            _("Ticket assigned"), (errors.TicketClosed,),
        ),
    ),
    "priority": Action(
        changes.change_priority,
        _is_open,
        parameters={"priority": Parameter(Kind.PRIORITY)},
        versioned=True,
        place_in_macros=3,
        operation=Operation(
            "changeTicketPriority", "priority", "Give a ticket another priority", "The same one: unchanged.",
            _("Priority changed"), (errors.TicketClosed,),
        ),
    ),
    "tags": Action(
        changes.change_tags,
        _is_open,
        parameters={name: Parameter(Kind.TAGS, is_required=False) for name in ("add", "remove")},
        versioned=True,
        place_in_macros=4,
        operation=Operation(
            "changeTicketTags", "tags", "Put tags on a ticket, and take others off",
            "By the names of the tenant's tags, whatever their capitals; what is so already stays so.",
            _("Tags changed"), (errors.TicketClosed,),
        ),
    ),
    "snooze": Action(
        changes.snooze_ticket,
        _is_open,
        parameters={"until": Parameter(Kind.MOMENT, is_nullable=True)},
        versioned=True,
        place_in_macros=9,
        operation=Operation(
            "snoozeTicket", "snooze", "Take a ticket out of the queue for a while",
            "Until this moment, within a year, or until its customer writes; `null` wakes it.",
            _("Ticket snoozed"), (errors.TicketClosed,),
        ),
    ),
    "link": Action(
        changes.change_link,
        _is_open,
        parameters={
            "order_id": Parameter(Kind.ID, "related_order_id", is_required=False, is_nullable=True),
            "delivery_id": Parameter(Kind.ID, "related_delivery_id", is_required=False, is_nullable=True),
        },
        versioned=True,
        in_bulk=False,
        operation=Operation(
            "changeTicketLink", "change-link", "Tie a ticket to another delivery or order",
            "One of its customer's; what is left out or `null` is untied.",
            _("Link changed"),
            (errors.TicketClosed, errors.DeliveryNotFound, errors.OrderNotFound, errors.TicketAlreadyOpenForRelated),
        ),
    ),
    "close": Action(
        lifecycle.close_ticket,
        _is_open,
        closing_refusal,
        versioned=True,
        place_in_macros=10,
        operation=Operation(
            "closeQueueTicket", "close", "Close a ticket",
            "Any support user, whatever `allow_customer_close` says; a closed one stays as it is.",
            _("Support ticket closed"), (errors.CustomerCloseDisabled,),
        ),
    ),
    "reopen": Action(
        lifecycle.reopen_ticket,
        _is_closed,
        reopening_refusal,
        place_in_macros=1,
        operation=Operation(
            "reopenTicket", "reopen", "Open a closed ticket again",
            "It keeps its agent if they still are a support user, and waits on the agent from now.",
            _("Support ticket reopened"), (errors.CustomerReopenDisabled, errors.TicketAlreadyOpenForRelated),
        ),
    ),
    "note": Action(
        replying.write_note,
        _always,
        parameters={
            "content": Parameter(Kind.TEXT, most=LONGEST_MESSAGE),
            "attachment_ids": Parameter(Kind.FILES, is_required=False),
        },
        in_bulk=False,
        place_in_macros=5,
        operation=Operation(
            "writeTicketNote", "note", "Write an internal note",
            "Also on a closed ticket. Customers never see it.", _("Note written"),
            (AttachmentNotFound, AttachmentNotUploaded),
        ),
    ),
    "reply": Action(
        replying.reply_to_ticket,
        _is_open,
        parameters={
            "content": Parameter(Kind.TEXT, most=LONGEST_MESSAGE),
            "attachment_ids": Parameter(Kind.FILES, is_required=False),
        },
        in_bulk=False,
        place_in_macros=6,
    ),
    "redact": Action(redaction.redact_ticket_message, _always, redaction_refusal, in_bulk=False),
}  # fmt: skip


def actions_open_to(ticket: TicketState, actor: Actor) -> Collection[str]:
    """What this person can do to this ticket now, by the names of the actions."""
    return {
        name for name, action in ACTIONS.items()
        if action.fits(ticket, actor) and action.refusal(ticket, actor) is None
    }  # fmt: skip
