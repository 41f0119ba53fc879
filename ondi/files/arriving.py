"""That an upload came: the stream process says so; one that went straight into a bucket, we look for."""

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.utils import timezone

from ondi.common.errors import ServiceUnavailable
from ondi.common.outside import once_outside
from ondi.files.models import State, StoredFile
from ondi.files.storage import StoreAway, store
from ondi.tenants.scope import tenant_scope

LOOK_WITHIN = 2.0  # seconds, for all of them


def look_for_uploads(files: Sequence[StoredFile]) -> None:
    """Make those of these drafts that came meanwhile be checked; on disk nothing is to be done.

    Raises `DoOutside` where the bucket has to be asked first: the unit of work begins anew then. Raises
    `ServiceUnavailable` where it did not answer.
    """
    waiting = [file for file in files if file.state == State.WAITING]
    if waiting and not store().is_local:
        once_outside("uploads", partial(_look, waiting))


def _look(files: Sequence[StoredFile]) -> None:
    ends = time.monotonic() + LOOK_WITHIN
    for file in files:
        try:
            came = store().size(file.upload_key, within=max(0.0, ends - time.monotonic())) == file.size
        except StoreAway as error:
            raise ServiceUnavailable from error
        if came:
            with tenant_scope(file.tenant_id):
                take_upload(
                    tenant_id=file.tenant_id, file_id=file.id, upload_id=file.upload_id, sha256=file.sha256
                )  # fmt: skip


def take_upload(*, tenant_id: UUID, file_id: UUID, upload_id: UUID, sha256: str, at: datetime | None = None) -> bool:
    """The bytes of a draft lie under this id: they are checked next. False where others were there first.

    Needs the tenant in scope. One statement, which locks the file.
    """
    return bool(
        StoredFile.objects.in_tenants([tenant_id])
        .filter(id=file_id, state=State.WAITING)
        .update(state=State.CHECKING, upload_id=upload_id, sha256=sha256, next_at=at or timezone.now())
    )
