"""The base of every read."""

from collections.abc import Collection
from typing import Protocol, Self, TypeVar
from uuid import UUID

from django.db import models

Row = TypeVar("Row", bound=models.Model, covariant=True)


class Viewer(Protocol):
    """Somebody who reads: a person in one tenant, or a staff member over all of theirs."""

    @property
    def tenant_ids(self) -> Collection[UUID]: ...


class TenantQuerySet(models.QuerySet[Row]):
    """Reads of a tenant's rows. Every read starts at `visible_to`."""

    def visible_to(self, viewer: Viewer) -> Self:
        """The rows of the viewer's tenants. Apps narrow this further where people see less."""
        return self.in_tenants(viewer.tenant_ids)

    def in_tenants(self, tenant_ids: Collection[UUID]) -> Self:
        if len(tenant_ids) == 1:
            return self.filter(tenant_id=next(iter(tenant_ids)))
        return self.filter(tenant_id__in=tenant_ids)

    def locked(self) -> Self:
        """Lock these rows and no joined ones until the transaction ends, in the order of their keys."""
        return self.select_for_update(of=("self",), no_key=True).order_by("pk")
