"""Deleting bytes: of what was removed, of drafts that nobody sent, and of what no row names.

A row is removed before its bytes are deleted, and bytes are stored before their row: so what a row names is there,
and what is left over is found by looking.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.utils import timezone

from ondi.common.ids import parse_id
from ondi.files.models import MAIN, THUMBNAIL, VIEW, State, StoredFile
from ondi.files.services import remove
from ondi.files.storage import store
from ondi.tenants.scope import find_tenants, tenant_scope

DRAFTS_KEPT = timedelta(hours=24)
UNNAMED_KEPT = timedelta(hours=2)  # longer than any upload and check
AT_ONCE = 500


def sweep(*, at: datetime | None = None) -> int:
    """Remove old drafts, and delete what was removed; a tenant and a piece at a time. How many files went."""
    at, total = at or timezone.now(), 0
    for tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            remove(StoredFile.objects.in_tenants([tenant_id]).old_drafts(at - DRAFTS_KEPT))
        while gone := _delete_removed(tenant_id):
            total += gone
    return total


def _delete_removed(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id):
        files = list(StoredFile.objects.in_tenants([tenant_id]).removed()[:AT_ONCE])
    if files:
        store().delete([key for file in files for key in keys_of(file)])
        with tenant_scope(tenant_id):
            StoredFile.objects.in_tenants([tenant_id]).removed().filter(id__in=[file.id for file in files]).delete()
    return len(files)


def keys_of(file: StoredFile) -> Iterator[str]:
    """Every place where bytes of it may lie."""
    yield file.upload_key
    if file.stored_id:
        yield from (file.stored_key(part) for part in (MAIN, VIEW, THUMBNAIL))


def unnamed(*, at: datetime | None = None) -> Iterator[str]:
    """Keys of bytes that no row names, and that are too old for one that is about to be written."""
    before = (at or timezone.now()) - UNNAMED_KEPT
    old = (one.key for one in store().listing() if one.modified_at < before)
    while some := list(islice(old, AT_ONCE)):
        yield from _unnamed_of(some)


def delete_unnamed(*, at: datetime | None = None) -> int:
    """Delete them; how many."""
    total, keys = 0, unnamed(at=at)
    while some := list(islice(keys, AT_ONCE)):
        store().delete(some)
        total += len(some)
    return total


def _unnamed_of(keys: list[str]) -> Iterator[str]:
    by_tenant: dict[UUID | None, list[str]] = defaultdict(list)
    for key in keys:
        by_tenant[_part(key, 1)].append(key)
    for tenant_id, theirs in by_tenant.items():
        ids = {found for key in theirs if (found := _part(key, 2))}
        named = _named(tenant_id, ids) if tenant_id else frozenset()
        yield from (key for key in theirs if (key.partition("/")[0], _part(key, 2)) not in named)


def _named(tenant_id: UUID, ids: Collection[UUID]) -> frozenset[tuple[str, UUID | None]]:
    """Which of these a row names: as a place where an upload is awaited or looked at, or as what is read."""
    with tenant_scope(tenant_id):
        files = StoredFile.objects.in_tenants([tenant_id])
        awaited = files.filter(upload_id__in=ids, state__in=(State.WAITING, State.CHECKING))
        kept = files.filter(stored_id__in=ids)
        return frozenset(
            [("incoming", key) for key in awaited.values_list("upload_id", flat=True)]
            + [("kept", key) for key in kept.values_list("stored_id", flat=True)]
        )


def _part(key: str, number: int) -> UUID | None:
    parts = key.split("/")
    return parse_id(parts[number]) if len(parts) > number else None
