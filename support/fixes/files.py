"""Whether the bytes of files are there: looked at in the store only when asked for, for a bucket takes long."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from ondi.common.ids import parse_id
from ondi.datafixes.fixes import FixOneByOne, Item
from ondi.files.models import KEPT, MAIN, THUMBNAIL, VIEW, Reason, State, StoredFile
from ondi.files.storage import store
from ondi.files.sweeping import unnamed
from ondi.tenants.scope import tenant_scope
from support.fixes.findings.parts import rows

MISSING = "file_bytes_missing"
UNNAMED = "file_bytes_unnamed"
READ_AT_ONCE = 500
SHOWN = 5
DELETED_BY_ITSELF = (
    "`manage.py work` deletes them once a day, where this database is its installation's own; those of a copy may be "
    "what the original stored since"
)


def examine_files(slug: str, tenant_id: UUID) -> list[dict[str, Any]]:
    """What is wrong between rows and bytes of this tenant, as `doctor --json` tells it. Raises `StoreAway`."""
    missing = [f"{file.id} {' '.join(parts)}" for file, parts in lost(tenant_id)]
    left = [f"{one.key} {one.size} bytes" for one in unnamed(tenant_id)]
    repair = f"manage.py repair --finding {MISSING} --tenant {slug}"
    told = [
        (MISSING, "bytes of files that are ready are not there", missing, repair, None),
        (UNNAMED, "bytes are there that no row names", left, None, DELETED_BY_ITSELF),
    ]
    return [
        {
            "tenant": slug, "finding": name, "what": what, "count": len(found), "examples": found[:SHOWN],
            "repair": repair, "for_a_person": 0 if repair else len(found), "look_at": look_at,
        }
        for name, what, found, repair, look_at in told if found
    ]  # fmt: skip


def lost(tenant_id: UUID) -> Iterator[tuple[StoredFile, list[str]]]:
    """Ready files of which something is not there, and what. Raises `StoreAway`."""
    there: dict[UUID | None, set[str]] = defaultdict(set)
    for one in store().listing(f"{KEPT}/{tenant_id}/"):
        _place, _tenant, stored_id, *part = one.key.split("/")
        there[parse_id(stored_id)].update(part)
    for file in _ready(tenant_id):
        # Looked for again, for it may have come since.
        if parts_of(file) - there[file.stored_id] and (missing := missing_of(file)):
            yield file, missing


def parts_of(file: StoredFile) -> set[str]:
    return {MAIN, VIEW, THUMBNAIL} if file.has_views else {MAIN}


def missing_of(file: StoredFile) -> list[str]:
    """What of a ready file is not there. Raises `StoreAway`."""
    return [part for part in sorted(parts_of(file)) if store().size(file.stored_key(part)) is None]


def _ready(tenant_id: UUID) -> Iterator[StoredFile]:
    last: UUID | None = None
    while True:
        with tenant_scope(tenant_id):
            files = StoredFile.objects.in_tenants([tenant_id]).filter(state=State.READY).order_by("id")
            page = list((files.filter(id__gt=last) if last else files)[:READ_AT_ONCE])
        yield from page
        if len(page) < READ_AT_ONCE:
            return
        last = page[-1].id


class GiveUpLost(FixOneByOne):
    """A file without its bytes is shown as damaged; one without its views alone, without them.

    Undone it is what it was, for when the bytes are found after all.
    """

    footprint = rows("files_storedfile")

    def items(self) -> Iterator[Item]:
        for file, missing in lost(self.tenant_id):
            becomes = "damaged" if MAIN in missing else "without views"
            yield Item(str(file.id), f"file {file.id}", {"missing": " ".join(missing)}, {"shown": becomes})

    def apply(self, item: Item, *, at: datetime) -> bool:
        file = StoredFile.objects.in_tenants([self.tenant_id]).filter(id=item.key, state=State.READY).first()
        missing = missing_of(file) if file else []
        if file is None or not missing:
            return False
        if MAIN in missing:
            file.state, file.reason, file.stored_bytes = State.REFUSED, Reason.MALFORMED, 0
        else:
            file.has_views = False
        file.save()
        return True
