"""Taking back what a macro did to a ticket, but for the words: those are out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from support.actions import ACTIONS, Kind
from support.errors import TicketChanged
from support.models import Ticket, TicketEvent, TicketTag
from support.services.shared import hold_people, ticket_to_handle

Step = Mapping[str, Any]


def opposites_of(name: str, before: Ticket, details: Mapping[str, Any], actor: Actor) -> list[Step]:
    """The steps that restore what an action with these arguments will change of the ticket as it is before.

    Ids as text, moments in ISO 8601, so that they can be kept.
    """
    if name == "assign":
        return _handed_back(before.assignee_id, details["assignee_id"], actor)
    if name == "tags":
        return _tagged_as(before, details)
    found: Mapping[str, Callable[[], list[Step]]] = {
        "claim": lambda: [] if before.assignee_id else [_step("release")],
        "reply": lambda: [] if before.assignee_id else [_step("release")],
        "release": lambda: [_step("claim")],
        "priority": lambda: [_step("priority", priority=before.priority)],
        "snooze": lambda: [_step("snooze", until=before.snoozed_until and before.snoozed_until.isoformat())],
        "close": lambda: [_step("reopen")] if before.is_open else [],
        "reopen": lambda: [] if before.is_open else [_step("close")],
        "note": list,
    }
    return found[name]()


def _handed_back(former: UUID | None, chosen: UUID, actor: Actor) -> list[Step]:
    """An agent cannot assign what is a colleague's, but take it over."""
    if former == chosen:
        return []
    if former and former != actor.membership_id:
        return [_step("assign", assignee_id=str(former), reason="")]
    taken = [] if chosen == actor.membership_id else [_step("take_over", reason="")]
    return taken if former else [*taken, _step("release")]


def _tagged_as(before: Ticket, details: Mapping[str, Any]) -> list[Step]:
    of_ticket = {"tenant_id": before.tenant_id, "ticket": before}
    present = set(TicketTag.objects.filter(**of_ticket).values_list("tag_id", flat=True))
    added, removed = set(details.get("add", ())) - present, set(details.get("remove", ())) & present
    return [_step("tags", add=sorted(map(str, removed)), remove=sorted(map(str, added)))]


def _step(action: str, **values: Any) -> Step:
    return {"action": action, "values": values}


@transaction.atomic
def undo_steps(*, actor: Actor, ticket_id: UUID, steps: Sequence[Step], since: datetime) -> None:
    """Do these steps, or nothing, where nobody but the actor has changed the ticket `since`.

    Locks as `apply_steps`. Raises `TicketChanged`, and what the services of the steps raise.
    """
    former = [UUID(step["values"]["assignee_id"]) for step in steps if "assignee_id" in step["values"]]
    now = Ticket.objects.visible_to(actor).filter(id=ticket_id).values_list("assignee_id", flat=True).first()
    hold_people(Membership.objects.filter(id__in=[one for one in (actor.membership_id, now, *former) if one]))
    ticket = ticket_to_handle(actor, ticket_id, closed_too=True)
    events = TicketEvent.objects.filter(tenant_id=ticket.tenant_id, ticket=ticket, created_at__gt=since)
    if events.exclude(actor=actor.membership_id).exists():
        raise TicketChanged
    at = timezone.now()
    for step in steps:
        ACTIONS[step["action"]].service(actor=actor, ticket_id=ticket_id, at=at, **_arguments(step, at))


def _arguments(step: Step, at: datetime) -> dict[str, Any]:
    """As the service has them. A moment that is over by now is none; the reason is said in the actor's language."""
    read: Mapping[Kind, Callable[[Any], Any]] = {
        Kind.PERSON: UUID,
        Kind.TAGS: lambda keys: [UUID(key) for key in keys],
        Kind.MOMENT: lambda text: _still_ahead(text, at),
        Kind.TEXT: lambda _text: _("Handed on by mistake."),
        Kind.PRIORITY: str,
    }
    kinds = ACTIONS[step["action"]].parameters
    return {name: read[kinds[name].kind](value) for name, value in step["values"].items()}


def _still_ahead(text: str | None, at: datetime) -> datetime | None:
    moment = datetime.fromisoformat(text) if text else None
    return moment if moment and moment > at else None
