"""Reads of what support users have ready: canned replies and macros, everybody's and their own."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from support.models import CannedReply, Macro

Row = TypeVar("Row", bound=models.Model, covariant=True)


class OwnedQuerySet(TenantQuerySet[Row]):
    """Rows that are everybody's of the tenant, or one person's own."""

    def shown_to(self, membership_ids: Collection[UUID]) -> Self:
        """Everybody's, and these people's own. `membership_ids`: one person's, in each of their tenants."""
        return self.filter(Q(owner__isnull=True) | Q(owner_id__in=membership_ids))

    def usable_by(self, actor: Actor) -> Self:
        return self.visible_to(actor).shown_to([actor.membership_id] if actor.membership_id else [])


class CannedReplyQuerySet(OwnedQuerySet["CannedReply"]):
    def for_language(self, actor: Actor, languages: Sequence[str]) -> "list[CannedReply]":
        """One reply a shortcut, in the first of these languages it is written in, else in any; one's own first."""
        order = {language: place for place, language in enumerate(dict.fromkeys(languages))}
        best: dict[str, CannedReply] = {}
        for reply in sorted(self.usable_by(actor), key=lambda one: _rank(one, order)):
            best.setdefault(reply.shortcut, reply)
        return list(best.values())


def _rank(reply: "CannedReply", order: dict[str, int]) -> tuple[Any, ...]:
    return reply.shortcut, order.get(reply.language, len(order)), reply.owner_id is None


class MacroQuerySet(OwnedQuerySet["Macro"]):
    def in_folders(self) -> Self:
        """As lists show them."""
        return self.order_by("folder", "name", "id")

    def with_key(self, key: int) -> "Macro | None":
        """The macro that a digit opens; one's own before everybody's."""
        return self.filter(key=key).order_by(models.F("owner").asc(nulls_last=True), "id").first()
