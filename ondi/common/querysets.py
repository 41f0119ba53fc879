"""The base of every read, and how text is compared where somebody searches."""

from collections.abc import Collection
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from django.db import models

Row = TypeVar("Row", bound=models.Model, covariant=True)


class Viewer(Protocol):
    """Somebody who reads: a person in one tenant, or a staff member over all of theirs."""

    @property
    def tenant_ids(self) -> Collection[UUID]: ...


class Folded(models.Lookup):
    """`filter(name__folded=word)`: the word anywhere in the column, both folded as every search folds them
    (`ondi_fold`). For tables small enough to be read; there is no index behind it."""

    lookup_name = "folded"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, arguments = self.process_lhs(compiler, connection)
        word, words = self.process_rhs(compiler, connection)
        pattern = rf"'%%' || regexp_replace(ondi_fold({word}), '([\\%%_])', '\\\1', 'g') || '%%'"
        return f"ondi_fold({column}::text) LIKE {pattern}", (*arguments, *words)


class FoldedNumber(Folded):
    """The whole number, as people write it: `#1042`, in any digits."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, arguments = self.process_lhs(compiler, connection)
        word, words = self.process_rhs(compiler, connection)
        return f"{column}::text = ltrim(ondi_fold({word}), '#')", (*arguments, *words)

    def get_prep_lookup(self) -> str:
        return str(self.rhs)


for text in (models.CharField, models.TextField):
    text.register_lookup(Folded)
models.IntegerField.register_lookup(FoldedNumber)


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
