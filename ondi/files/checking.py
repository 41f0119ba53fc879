"""Looking at what was uploaded, in a work process: taken with a lease, looked at outside of any transaction, recorded.

Nobody reads a byte that was not looked at: what the check reads it writes itself, under a key no link ever named.
Killed in between, a file is taken again when its lease ends; who was frozen meanwhile records nothing any more, and
what they wrote is deleted by the sweep.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.files.examining import Verdict, examine
from ondi.files.kinds import VIEW_TYPE
from ondi.files.models import MAIN, THUMBNAIL, VIEW, Reason, State, StoredFile, stored_key
from ondi.files.names import shown_name
from ondi.files.querysets import StoredFileQuerySet
from ondi.files.rule import rule
from ondi.files.scanning import ScannerAway, scan
from ondi.files.storage import FileGone, StoreAway, TooLong, store
from ondi.outbox.outgoing import is_ours
from ondi.tenants.scope import tenant_scope

LEASE = timedelta(minutes=3)
FROZEN = timedelta(hours=1)  # after its lease: by then what was written counts as left over (`sweeping`)
AT_ONCE = 5
PAUSES = (5, 30, 120, 600)  # seconds until it is tried again, where store or scanner are away
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check, and under which id what is read lies now."""

    verdict: Verdict
    sha256: str = ""
    stored_id: UUID | None = None
    stored_bytes: int = 0


def check_due(*, at: datetime | None = None) -> int:
    """Look at files that wait for it; how many."""
    due = _taken(at or timezone.now())
    for tenant_id, file_id, attempt in due:
        with tenant_scope(tenant_id):
            file = _taken_by(tenant_id, file_id, attempt).first()
        if file is not None:
            _check(file, at)
    return len(due)


def _taken(at: datetime) -> Sequence[tuple[UUID, UUID, int]]:
    """Tenant, file, and the number of the attempt."""
    with transaction.atomic(), connection.cursor() as cursor:
        sql = "SELECT tenant_id, id, attempt FROM ondi_claim_files(%s, %s::interval, %s)"
        cursor.execute(sql, [at, f"{LEASE.total_seconds()} s", AT_ONCE])
        return list(cursor.fetchall())


def _check(file: StoredFile, at: datetime | None) -> None:
    with tempfile.TemporaryDirectory(prefix="ondi-file-") as folder:
        try:
            checked = _looked_at(file, Path(folder))
        except (StoreAway, ScannerAway, OSError) as error:
            log.warning("file not checked", file_id=str(file.id), cause=type(error).__name__, attempt=file.attempts)
            _try_later(file, at or timezone.now())
            return
    record(file, checked, at or timezone.now())


def _looked_at(file: StoredFile, folder: Path) -> Checked:
    """Raises `StoreAway`, `ScannerAway`, `OSError`."""
    source = folder / "upload"
    try:
        store().lend(file.upload_key, source, most=file.size)
    except FileGone:
        return _refused(Reason.MALFORMED)
    except TooLong:
        return _refused(Reason.TOO_LARGE)
    with source.open("rb") as bytes_:
        found = hashlib.file_digest(bytes_, "sha256").hexdigest()
    if source.stat().st_size != file.size or file.sha256 not in ("", found):
        return _refused(Reason.MALFORMED, found)
    if settings.FILES_SCANNER and scan(source, address=settings.FILES_SCANNER):
        return _refused(Reason.INFECTED, found)
    is_first = file.attempts <= 1  # it waits for a spare moment; who found none does not wait again
    verdict = examine(source, claimed=file.content_type, folder=folder, idle=is_first)
    stored_id, total = new_id(), 0
    for part, path in ((MAIN, verdict.main), (VIEW, verdict.view), (THUMBNAIL, verdict.thumbnail)):
        if path is not None:
            content_type = verdict.content_type if part == MAIN else VIEW_TYPE
            store().give(stored_key(file.tenant_id, stored_id, part), path, content_type=content_type)
            total += path.stat().st_size
    return Checked(verdict, found, stored_id, total)


def _refused(reason: Reason, sha256: str = "") -> Checked:
    return Checked(Verdict(reason=reason), sha256)


def record(file: StoredFile, checked: Checked, at: datetime) -> bool:
    """Write what came of it, unless somebody else took the file meanwhile, or it is gone; whether it was written.

    Locks what the file was sent with, then the file.
    """
    for _attempt in range(2):  # a draft may be sent just then, and only once
        with tenant_scope(file.tenant_id):
            known = _own(file).filter(next_at__gt=at - FROZEN).first()
            if known is None:
                return False
            if known.parent_id:
                rule().lock(known)
            locked = _own(file).locked().first()
            if locked is None:
                return False
            if locked.parent_id == known.parent_id:
                _write(locked, checked, at)
                break
    if is_ours():  # else the original of this database may be looking at it
        with suppress(StoreAway):  # the sweep finds it
            store().delete([file.upload_key])
    return True


def _write(file: StoredFile, checked: Checked, at: datetime) -> None:
    verdict = checked.verdict
    file.next_at, file.sha256 = None, checked.sha256
    if verdict.reason:
        file.state, file.reason = State.REFUSED, verdict.reason
    else:
        file.state, file.stored_id, file.stored_bytes = State.READY, checked.stored_id, checked.stored_bytes
        file.content_type, file.size = verdict.content_type, verdict.size
        file.width, file.height = verdict.width, verdict.height
        file.has_views = verdict.view is not None
        file.file_name = shown_name(file.file_name, verdict.content_type)
    file.save()
    if file.parent_id:
        rule().checked(file, at)


def _own(file: StoredFile) -> StoredFileQuerySet:
    return _taken_by(file.tenant_id, file.id, file.attempts)


def _taken_by(tenant_id: UUID, file_id: UUID, attempt: int) -> StoredFileQuerySet:
    """The file, as long as this attempt is the last that took it."""
    files = StoredFile.objects.in_tenants([tenant_id])
    return files.filter(id=file_id, state=State.CHECKING, attempts=attempt)


def _try_later(file: StoredFile, at: datetime) -> None:
    pause = timedelta(seconds=PAUSES[min(file.attempts, len(PAUSES)) - 1])
    with tenant_scope(file.tenant_id):
        _own(file).update(next_at=at + pause)
