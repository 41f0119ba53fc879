"""Reads of drafts. Each begins at its writer; only the work process asks for what is due of everybody's."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet
from support.vocabulary import WRITTEN, DraftKind

if TYPE_CHECKING:
    from support.models import Draft, Ticket

SHOWN = (
    "kind",
    "content",
    "files",
    "sequence",
    "assignee",
    "status",
    "closes",
    "send_at",
    "refused",
    "updated_at",
    "form",
)


class DraftQuerySet(TenantQuerySet["Draft"]):
    def of(self, actor: Actor, ticket_id: UUID, kind: str) -> Self:
        """What this person has at a ticket: at most one that is being written, and one that waits."""
        return self.visible_to(actor).filter(membership_id=actor.membership_id, ticket_id=ticket_id, kind=kind)

    def used_by(self, actor: Actor, use: UUID) -> Self:
        """One use of a macro by this person, on however many tickets."""
        return self.visible_to(actor).filter(membership_id=actor.membership_id, kind=DraftKind.MACRO, form=use)

    def written(self) -> Self:
        """Answers and notes."""
        return self.filter(kind__in=WRITTEN)

    def being_written(self) -> Self:
        return self.filter(send_at=None)

    def begun_by(self, membership_ids: Collection[UUID]) -> Self:
        """What these people are writing, one person's in all their tenants."""
        return self.written().being_written().filter(membership_id__in=membership_ids)

    def waiting(self) -> Self:
        """To be sent."""
        return self.filter(send_at__isnull=False)

    def due(self, at: datetime) -> Self:
        return self.filter(send_at__lte=at)

    def old(self, before: datetime) -> Self:
        """Nobody wrote at them since; macros were used before."""
        return self.being_written().filter(updated_at__lt=before)

    def told_to(self, membership_ids: Collection[UUID]) -> Self:
        """What its writer is shown on every page: it waits, or could not be sent."""
        theirs = self.filter(membership_id__in=membership_ids).filter(Q(send_at__isnull=False) | ~Q(refused=""))
        return theirs.select_related("ticket").order_by("updated_at", "id")


def own_drafts(membership_ids: Collection[UUID]) -> ArraySubquery:
    """A ticket's drafts of these people, one person's in all their tenants, as a part of another read."""
    drafts = apps.get_model("support", "Draft").objects.filter(
        tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("id"), membership_id__in=list(membership_ids)
    )
    return ArraySubquery(drafts.order_by("id").values(row=JSONObject(**{name: name for name in SHOWN})))


def drafts_at(ticket: "Ticket") -> "list[Draft]":
    """What `own_drafts` found with this ticket, `own`; none where it was not asked for."""
    model = apps.get_model("support", "Draft")
    return [model(tenant_id=ticket.tenant_id, ticket=ticket, **_typed(row)) for row in getattr(ticket, "own", ())]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    moments = {name: row[name] and parse_datetime(row[name]) for name in ("send_at", "updated_at")}
    ids = {name: row[name] and UUID(row[name]) for name in ("assignee", "form")}
    return {**row, **moments, **ids, "files": [UUID(key) for key in row["files"]]}
