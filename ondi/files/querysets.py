"""Reads of files."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, Subquery, Sum, When

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet, Viewer

if TYPE_CHECKING:
    from ondi.files.models import StoredFile  # noqa: F401 - named in a string


class StoredFileQuerySet(TenantQuerySet["StoredFile"]):
    """A removed file is in no read but those that say so."""

    def visible_to(self, viewer: Viewer) -> Self:
        return super().visible_to(viewer).present()

    def present(self) -> Self:
        return self.exclude(state="removed")

    def removed(self) -> Self:
        return self.filter(state="removed")

    def drafts(self) -> Self:
        """Sent with nothing yet."""
        return self.present().filter(parent_id=None)

    def drafts_of(self, actor: Actor) -> Self:
        return self.drafts().in_tenants(actor.tenant_ids).filter(uploader_id=actor.membership_id)

    def old_drafts(self, before: datetime) -> Self:
        return self.drafts().filter(created_at__lt=before)

    def of(self, kind: str, parent_ids: Collection[UUID]) -> Self:
        """What was sent with these, each one's in its order."""
        return self.present().filter(parent_kind=kind, parent_id__in=parent_ids).order_by("parent_id", "place")

    def of_any(self, parent_ids: Collection[UUID]) -> Self:
        """What was sent with these messages and notes, each one's in its order."""
        sent = self.present().filter(parent_kind__in=("message", "note"), parent_id__in=parent_ids)
        return sent.order_by("parent_id", "place")

    def bytes_used(self) -> Subquery:
        """What they take, and those that wait will take, as a part of another read; null where there is none."""
        on_their_way = Case(When(state__in=("waiting", "checking"), then=F("size")), default=0)
        together = Sum(F("stored_bytes") + on_their_way, output_field=BigIntegerField())
        return Subquery(self.order_by().values("tenant_id").annotate(used=together).values("used"))
