"""Reads of notifications: everybody their own."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db.models import Count, Q

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet, Viewer

if TYPE_CHECKING:
    from ondi.notifications.models import (  # noqa: F401
        Dispatch,
        Mail,
        Notification,
        NotificationPreferences,
        NotificationText,
        SenderCode,
        Suppression,
    )


class NotificationQuerySet(TenantQuerySet["Notification"]):
    def listed_for(self, actor: Actor, *, at: datetime) -> Self:
        """Their own ones that are in their list by now."""
        return self.listed_of(actor, [actor.membership_id], at=at)

    def listed_of(self, viewer: Viewer, membership_ids: Collection[UUID | None], *, at: datetime) -> Self:
        """The same of somebody who is several people, in several tenants."""
        return self.visible_to(viewer).filter(membership_id__in=membership_ids, is_listed=True, shown_at__lte=at)

    def telling(self, viewer: Viewer, membership_ids: Collection[UUID], kind: str) -> Self:
        """What told these people something of this type, whether read or not."""
        return self.visible_to(viewer).filter(membership_id__in=membership_ids, notification_type=kind)

    def of_conversation(self, actor: Actor, conversation_id: Any) -> Self:
        """What tells this person of a conversation."""
        return self.visible_to(actor).filter(membership_id=actor.membership_id, conversation_id=conversation_id)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def counts(self, wanted: Q) -> dict[str, int]:
        """`total` that `wanted` finds, and `unread` of all."""
        return self.aggregate(total=Count("id", filter=wanted), unread=Count("id", filter=Q(read_at=None)))

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def unread_counts(self, membership_ids: Collection[UUID]) -> dict[UUID, int]:
        """How many of each person's list are unread; who has none is not named."""
        listed = self.unread().filter(membership_id__in=membership_ids, is_listed=True)
        return dict(listed.values_list("membership_id").annotate(number=Count("id")).order_by())

    def up_to(self, last: "Notification") -> Self:
        """This one and all older."""
        return self.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lte=last.id))


class DispatchQuerySet(TenantQuerySet["Dispatch"]):
    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def waiting_for(self, tenant_id: UUID, membership_id: UUID) -> Self:
        """What this person is still to be told."""
        return self.in_tenants([tenant_id]).waiting().filter(notification__membership_id=membership_id)

    def free(self) -> Self:
        """Lock those that nobody else holds, in the order of their keys; the others are left out."""
        return self.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("pk")


class SuppressionQuerySet(TenantQuerySet["Suppression"]):
    """Of one address: `addresses`."""


class SenderCodeQuerySet(TenantQuerySet["SenderCode"]):
    def last_of(self, tenant_id: UUID, address: str) -> "SenderCode | None":
        """The one of this address that counts."""
        return self.in_tenants([tenant_id]).filter(address=address).order_by("-asked_at", "-id").first()

    def proving(self, tenant_id: UUID, address: str) -> Self:
        """The one that was entered."""
        return self.in_tenants([tenant_id]).filter(address=address, proved_at__isnull=False)


class MailQuerySet(TenantQuerySet["Mail"]):
    def due(self, at: datetime) -> Self:
        return self.filter(state="waiting", next_at__lte=at)

    def free(self) -> Self:
        """As of dispatches."""
        return self.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("pk")


class PreferencesQuerySet(TenantQuerySet["NotificationPreferences"]):
    def of(self, tenant_id: UUID, membership_id: UUID) -> Self:
        return self.in_tenants([tenant_id]).filter(membership_id=membership_id)

    def wanting(self, tenant_id: UUID, kind: str, most: int) -> list[UUID]:
        """Who turned a type on that is off in the app by itself; memberships, the longest here first."""
        found = self.in_tenants([tenant_id]).filter(**{f"types__{kind}__in_app": "now"})
        return list(found.order_by("membership_id").values_list("membership_id", flat=True)[:most])


class NotificationTextQuerySet(TenantQuerySet["NotificationText"]):
    """What tenants say in their own words: read with `texts_for`, and by their admins' screen."""
