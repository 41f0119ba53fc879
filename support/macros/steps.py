"""What macros are made of, and doing it.

A step is `{"action": …, "values": {…}}`, with the values of the action's parameters as JSON has them: ids as text,
moments by their names (`support/moments.py`; null: none). Texts may hold placeholders, filled when they are used.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.errors import DomainError, InvalidInput
from ondi.common.ids import parse_id
from ondi.common.text import TextRefused, plain_text
from ondi.notifications.errors import UnknownPlaceholders
from support.actions import ACTIONS, Action, Kind, Parameter
from support.errors import (
    AssigneeNotASupportUser,
    MacroNotFound,
    MacroStepRefused,
    PlaceholdersLeftOpen,
    TagNotFound,
    TicketChanged,
)
from support.macros.undo import Step, opposites_of
from support.models import Macro, Tag, Ticket
from support.moments import AFTER, moment_after
from support.placeholders import filled, unfilled_placeholders, unknown_placeholders
from support.services import Seen
from support.services.shared import hold_people, ticket_to_handle
from support.vocabulary import Priority

IN_MACROS = {
    name: action
    for name, action in sorted(ACTIONS.items(), key=lambda row: row[1].place_in_macros)
    if action.place_in_macros
}


def parameters_of(action: Action) -> dict[str, Parameter]:
    """What a macro says to this action: all but files, which are sent once."""
    return {name: found for name, found in action.parameters.items() if found.kind is not Kind.FILES}


def macro_of(actor: Actor, macro_id: UUID) -> Macro:
    """Raises `MacroNotFound`, also where it is a colleague's own."""
    found = Macro.objects.usable_by(actor).filter(id=macro_id).first()
    if found is None:
        raise MacroNotFound
    return found


def checked_steps(*, actor: Actor, steps: Sequence[Step]) -> list[Step]:
    """The steps in the order in which they are done, if each can be kept.

    Raises `MacroStepRefused` of the first that cannot, and `InvalidInput` where there is none.
    """
    if not steps:
        raise InvalidInput({"steps": ["required"]})
    for step in steps:
        if refusal := step_refusal(step, actor):
            raise MacroStepRefused(step["action"], refusal)
    return sorted(steps, key=lambda step: IN_MACROS[step["action"]].place_in_macros)


def step_refusal(step: Step, actor: Actor, ticket: Ticket | None = None) -> DomainError | None:
    """Why a step cannot be kept; with a `ticket`, why what it says fits this one no more. Whether it may be done now
    says its service."""
    try:
        arguments_of(step, actor, ticket)
    except DomainError as refusal:
        return refusal
    return None


def arguments_of(step: Step, actor: Actor, ticket: Ticket | None = None) -> dict[str, Any]:
    """The service's arguments. `ticket`: with whose facts texts are filled; they stay as they are without.

    Raises `InvalidInput`, `TagNotFound`, `AssigneeNotASupportUser`, `UnknownPlaceholders`, `PlaceholdersLeftOpen`.
    """
    action, values = IN_MACROS.get(step["action"]), step["values"]
    if action is None:
        raise InvalidInput({"action": ["invalid_choice"]})
    known = parameters_of(action)
    if missing := [name for name, one in known.items() if one.is_required and name not in values]:
        raise InvalidInput({name: ["required"] for name in missing})
    if unknown := values.keys() - known.keys():
        raise InvalidInput({name: ["not_allowed"] for name in sorted(unknown)})
    found = {name: _argument(known[name], name, value, actor, ticket) for name, value in values.items()}
    if ticket is not None and step["action"] == "reply" and (left := unfilled_placeholders(found["content"])):
        raise PlaceholdersLeftOpen(left)
    return found


def _argument(parameter: Parameter, name: str, value: Any, actor: Actor, ticket: Ticket | None) -> Any:
    if value is None and parameter.is_nullable:
        return None
    kinds: Mapping[Kind, Callable[[], Any]] = {
        Kind.TEXT: lambda: _text(name, value, parameter.most, ticket),
        Kind.PRIORITY: lambda: _one_of(name, value, Priority.values),
        Kind.PERSON: lambda: _person(value, actor),
        Kind.TAGS: lambda: _tags(value, actor),
        Kind.MOMENT: lambda: _moment(name, value, actor),
    }
    return kinds[parameter.kind]()


def _text(name: str, value: str, most: int, ticket: Ticket | None) -> str:
    if unknown := unknown_placeholders(value):
        raise UnknownPlaceholders(unknown)
    try:
        return plain_text(filled(value, ticket) if ticket else value, max_length=most)
    except TextRefused as refusal:
        raise InvalidInput({name: [refusal.code]}) from refusal


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise InvalidInput({name: ["invalid_choice"]})
    return value


def _person(value: str, actor: Actor) -> UUID:
    key = parse_id(value)
    if key is None or not Membership.objects.visible_to(actor).support_users().filter(id=key).exists():
        raise AssigneeNotASupportUser
    return key


def _tags(values: Sequence[str], actor: Actor) -> list[UUID]:
    found = list(Tag.objects.visible_to(actor).filter(id__in=filter(None, map(parse_id, values))))
    if {str(tag.id) for tag in found} != set(values):
        raise TagNotFound
    return [tag.id for tag in found]


def _moment(name: str, value: str, actor: Actor) -> datetime:
    now = timezone.now().astimezone(ZoneInfo(actor.tenant.time_zone))
    return moment_after(_one_of(name, value, list(AFTER)), now)


@transaction.atomic
def apply_steps(
    *,
    actor: Actor,
    ticket_id: UUID,
    steps: Sequence[Step],
    seen: Seen | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> list[Step]:
    """Do all that a macro says to a ticket, each step by its own service, or nothing; returns what takes it back.

    `seen`, `version`: what the ticket has to be still. Locks the memberships of the actor, of whom it assigns to and of
    the ticket's agent, then the ticket, then as its steps do. Raises `TicketNotFound`, `NotASupportUser`,
    `PermissionDenied` (own ticket), `TicketChanged`, and `MacroStepRefused`, which says which step cannot be and why.
    """
    tickets = Ticket.objects.visible_to(actor)
    hold_people(Membership.objects.filter(id__in=_people_of(steps, actor, tickets.filter(id=ticket_id).first())))
    locked = ticket_to_handle(actor, ticket_id, version, closed_too=True)
    if seen is not None and not seen.still_holds(locked, actor):
        raise TicketChanged
    ticket, at = tickets.for_workbench().get(id=ticket_id), at or timezone.now()
    undo: list[Step] = []
    for step in steps:
        before = tickets.get(id=ticket_id)
        try:
            details = arguments_of(step, actor, ticket)
            back = opposites_of(step["action"], before, details, actor)
            ACTIONS[step["action"]].service(actor=actor, ticket_id=ticket_id, at=at, **details)
        except DomainError as refusal:
            raise MacroStepRefused(step["action"], refusal) from refusal
        undo = [*back, *undo]
    return undo


def _people_of(steps: Sequence[Step], actor: Actor, ticket: Ticket | None) -> list[UUID]:
    """All that they may hold, so that they are held before the ticket and in one order."""
    assigned = [parse_id(str(step["values"].get("assignee_id"))) for step in steps]
    return [one for one in (actor.membership_id, ticket and ticket.assignee_id, *assigned) if one]
