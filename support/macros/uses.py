"""People who use macros: at once or in a moment, so that it can be taken back; and taken back afterwards.

A use is a `Draft` of kind macro: it waits, then it stays, done or refused, until the next one there, or a week.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from support.errors import TicketNotFound
from support.macros.steps import apply_steps, macro_of
from support.macros.undo import Step, undo_steps
from support.models import Draft, Ticket
from support.services import Seen
from support.services.shared import hold_writing, person_of
from support.vocabulary import DraftKind


@transaction.atomic
def use_macro(
    *,
    actor: Actor,
    ticket_id: UUID,
    macro_id: UUID,
    use: UUID,
    wait: timedelta = timedelta(0),
    version: int | None = None,
    at: datetime | None = None,
) -> Draft:
    """Do what a macro says now to a ticket, when `wait` is over, unless it is taken back before.

    `use`: on how many tickets ever, it is one, and it is done to none twice. What would refuse it now refuses it now.
    Another one of this person that still waits here is done first, at once. Holds this person's macros at the ticket,
    locks what waits, then as `apply_steps`; raises as that, and `MacroNotFound`.
    """
    at, macro = at or timezone.now(), macro_of(actor, macro_id)
    ticket = Ticket.objects.visible_to(actor).select_related("conversation").filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    hold_writing(person_of(actor), ticket_id, DraftKind.MACRO)
    here = Draft.objects.of(actor, ticket_id, DraftKind.MACRO)
    if again := here.filter(form=use).first():
        return again
    if earlier := here.waiting().locked().first():
        carry_out(draft=earlier, actor=actor, at=at)
    draft = Draft(
        tenant_id=actor.tenant_id, ticket_id=ticket_id, membership_id=person_of(actor), kind=DraftKind.MACRO,
        content=macro.name, steps=macro.steps, form=use, updated_at=at,
    )  # fmt: skip
    if not wait:
        undo = apply_steps(actor=actor, ticket_id=ticket_id, steps=macro.steps, version=version, at=at)
        return settle(draft, at, undo=undo)
    _try_out(actor, ticket_id, macro.steps, version, at)
    draft.sequence, draft.assignee = ticket.conversation.message_count, ticket.assignee_id
    draft.status, draft.send_at = ticket.status, at + wait
    draft.save()
    return draft


def carry_out(*, draft: Draft, actor: Actor, at: datetime) -> None:
    """Do what has waited, a locked draft. Locks and raises as `apply_steps`."""
    seen = Seen(draft.sequence or 0, draft.assignee, draft.status)
    undo = apply_steps(actor=actor, ticket_id=draft.ticket_id, steps=draft.steps or [], seen=seen, at=at)
    settle(draft, at, undo=undo)


def settle(draft: Draft, at: datetime, *, undo: Sequence[Step] | None = None, refused: str = "") -> Draft:
    """It waits no longer, and stands in place of the one used before it there."""
    same = {"tenant_id": draft.tenant_id, "ticket": draft.ticket_id, "membership": draft.membership_id}
    Draft.objects.filter(**same, kind=DraftKind.MACRO).being_written().exclude(id=draft.id).delete()
    draft.send_at, draft.undo, draft.refused, draft.updated_at = None, undo, refused, at
    draft.save()
    return draft


@dataclass(slots=True)
class TakenBack:
    """On how many tickets it was used, how many nothing was done to, on how many it was undone (`wrote`: but for the
    words), and where it could not be, with why."""

    found: int = 0
    waited: int = 0
    undone: int = 0
    wrote: bool = False
    left: list[tuple[int, DomainError]] = field(default_factory=list)


def take_back_macros(*, actor: Actor, use: UUID) -> TakenBack:
    """Take back a use of a macro, each ticket in a transaction of its own: what waits is not done, what is done is
    undone but for its words, and what was refused is forgotten.

    Locks the use, then as `undo_steps`.
    """
    told = TakenBack()
    own = Draft.objects.used_by(actor, use)
    for key in list(own.order_by("id").values_list("id", flat=True)):
        with transaction.atomic():
            draft = own.filter(id=key).locked().select_related("ticket").first()
            if draft is None:
                continue
            told.found += 1
            try:
                _take_back(draft, actor, told)
            except DomainError as refusal:
                told.left.append((draft.ticket.number, refusal))
            else:
                draft.delete()
    return told


def _take_back(draft: Draft, actor: Actor, told: TakenBack) -> None:
    if draft.undo is not None:
        undo_steps(actor=actor, ticket_id=draft.ticket_id, steps=draft.undo, since=draft.updated_at)
        told.undone += 1
        told.wrote |= any(step["action"] in ("reply", "note") for step in draft.steps or [])
    elif draft.send_at:
        told.waited += 1


def _try_out(actor: Actor, ticket_id: UUID, steps: Sequence[Step], version: int | None, at: datetime) -> None:
    """Raises what doing it raises; nothing of it stays, no lock either."""
    with transaction.atomic():
        apply_steps(actor=actor, ticket_id=ticket_id, steps=steps, version=version, at=at)
        transaction.set_rollback(True)
