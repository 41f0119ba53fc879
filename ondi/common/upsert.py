"""Create or update rows by their external id: one way for integrations and imports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ondi.common.querysets import TenantQuerySet

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of one row, and what stood in it before."""

    row: Any
    status: str
    before: Mapping[str, Any]


def hold_intake(tenant_id: UUID) -> None:
    """Until the transaction ends, no other batch of this tenant's orders, deliveries and customers is taken in.

    Comes before every read the batch decides by: what two batches bring anew, neither could lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake {tenant_id}"])


def is_outdated(told: datetime | None, known: datetime | None) -> bool:
    """Whether news of this time are older than what is known. What has no time is said now, and never old."""
    return told is not None and known is not None and told < known


def upsert(rows: TenantQuerySet[Any], tenant_id: UUID, wanted: Sequence[Mapping[str, Any]]) -> list[Upserted]:
    """Upsert into `rows`, which are locked. Each of `wanted` has an `external_id` of its own.

    Fields left out stay. A row whose `source_updated_at` is older than the one we have changes nothing; one
    without it is said now, and leaves the time as it is.
    """
    found = rows.filter(external_id__in=[fields["external_id"] for fields in wanted]).locked()
    existing = {row.external_id: row for row in found}
    results = [_upserted(rows, tenant_id, existing.get(fields["external_id"]), fields) for fields in wanted]
    rows.model._default_manager.bulk_create([result.row for result in results if result.status == CREATED])
    for result in results:
        if result.status == UPDATED:
            result.row.save()
    return results


def _upserted(rows: TenantQuerySet[Any], tenant_id: UUID, row: Any, fields: Mapping[str, Any]) -> Upserted:
    if row is None:
        return Upserted(rows.model(tenant_id=tenant_id, **fields), CREATED, {})
    if is_outdated(fields.get("source_updated_at"), row.source_updated_at):
        return Upserted(row, UNCHANGED, {})
    before = set_changed(row, fields)
    return Upserted(row, UPDATED if before else UNCHANGED, before)


def set_changed(row: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Set these fields; what those that changed held before."""
    before = {name: getattr(row, name) for name, value in fields.items() if getattr(row, name) != value}
    for name in before:
        setattr(row, name, fields[name])
    return before
