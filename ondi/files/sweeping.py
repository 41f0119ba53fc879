"""Deleting bytes: of what was removed, of drafts that nobody sent, and of what no row names.

A row is removed before its bytes are deleted, and bytes are stored before their row: so what a row names is there,
and what is left over is found by looking. Nothing is deleted from a copy of the database, whose rows know nothing of
what the original stored since (`ondi/outbox/outgoing.py`); nor what is no tenant's of this one, for a bucket may be
shared.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from ondi.common.ids import parse_id
from ondi.files.models import INCOMING, KEPT, MAIN, THUMBNAIL, VIEW, State, StoredFile
from ondi.files.services import remove
from ondi.files.storage import Disk, Stored, store
from ondi.outbox.outgoing import is_ours
from ondi.tenants.scope import find_tenants, tenant_scope

DRAFTS_KEPT = timedelta(hours=24)
UNNAMED_KEPT = timedelta(hours=2)  # longer than any upload and check
AT_ONCE = 500


def sweep(*, at: datetime | None = None) -> int:
    """Remove old drafts, and delete what was removed; a tenant and a piece at a time. How many files went.

    Killed or without its store it leaves rows, and is begun again. Raises `StoreAway`.
    """
    if not is_ours():
        return 0
    at, total = at or timezone.now(), 0
    for tenant_id in find_tenants().values():
        while _remove_old_drafts(tenant_id, at - DRAFTS_KEPT):
            pass
        while gone := _delete_removed(tenant_id):
            total += gone
    return total


def _remove_old_drafts(tenant_id: UUID, before: datetime) -> int:
    with tenant_scope(tenant_id):
        drafts = StoredFile.objects.in_tenants([tenant_id]).old_drafts(before)
        return remove(drafts.filter(id__in=list(drafts.values_list("id", flat=True)[:AT_ONCE])))


def _delete_removed(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id):
        files = _taken_to_delete(tenant_id)
    if files:
        store().delete([key for file in files for key in keys_of(file)])
        with tenant_scope(tenant_id):
            StoredFile.objects.in_tenants([tenant_id]).removed().filter(id__in=[file.id for file in files]).delete()
    return len(files)


def _taken_to_delete(tenant_id: UUID) -> list[StoredFile]:
    """Removed files, from now on other than any image of a data fix: no undo shows what is being deleted."""
    files = list(StoredFile.objects.in_tenants([tenant_id]).removed().locked()[:AT_ONCE])
    StoredFile.objects.filter(id__in=[file.id for file in files]).update(attempts=F("attempts") + 1)
    return files


def keys_of(file: StoredFile) -> Iterator[str]:
    """Every place where bytes of it may lie."""
    yield file.upload_key
    if file.stored_id:
        yield from (file.stored_key(part) for part in (MAIN, VIEW, THUMBNAIL))


def unnamed(tenant_id: UUID, *, at: datetime | None = None) -> Iterator[Stored]:
    """A tenant's bytes that no row names, and that are too old for one that is about to be written.

    Raises `StoreAway`.
    """
    before = (at or timezone.now()) - UNNAMED_KEPT
    for place in (INCOMING, KEPT):
        old = (one for one in store().listing(f"{place}/{tenant_id}/") if one.modified_at < before)
        while some := list(islice(old, AT_ONCE)):
            named = _named(tenant_id, place, {found for one in some if (found := _id_in(one.key))})
            yield from (one for one in some if _id_in(one.key) not in named)


def delete_unnamed(*, at: datetime | None = None) -> int:
    """Delete them, of all tenants, and what broken uploads left; how many. Raises `StoreAway`."""
    if not is_ours():
        return 0
    at, total = at or timezone.now(), 0
    for tenant_id in find_tenants().values():
        keys = unnamed(tenant_id, at=at)
        while some := list(islice(keys, AT_ONCE)):
            store().delete([one.key for one in some])
            total += len(some)
    return total + _delete_temporaries(at)


def _delete_temporaries(at: datetime) -> int:
    disk, total = store(), 0
    if isinstance(disk, Disk):
        for path in disk.old_temporaries(at - UNNAMED_KEPT):
            path.unlink(missing_ok=True)
            total += 1
    return total


def _named(tenant_id: UUID, place: str, ids: Collection[UUID]) -> frozenset[UUID | None]:
    """Which of these a row names: as where an upload is awaited or looked at, or as what is read."""
    with tenant_scope(tenant_id):
        files = StoredFile.objects.in_tenants([tenant_id])
        if place == KEPT:
            return frozenset(files.filter(stored_id__in=ids).values_list("stored_id", flat=True))
        awaited = files.filter(upload_id__in=ids, state__in=(State.WAITING, State.CHECKING))
        return frozenset(awaited.values_list("upload_id", flat=True))


def _id_in(key: str) -> UUID | None:
    """Of `place/tenant/id`, and of what lies below it."""
    return parse_id(key.split("/")[2])
