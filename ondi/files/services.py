"""Announcing, taking, sending and removing files: every write that has a rule."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Model
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.api.errors import PayloadTooLarge
from ondi.common.errors import InvalidInput, PermissionDenied
from ondi.files.arriving import look_for_uploads
from ondi.files.errors import AttachmentNotFound, AttachmentNotUploaded, StorageQuotaExceeded
from ondi.files.kinds import ALLOWED
from ondi.files.models import MOST_BYTES, Parent, State, StoredFile
from ondi.files.names import shown_name
from ondi.files.querysets import StoredFileQuerySet
from ondi.tenants.models import Tenant

MOST_FILES = 10


@transaction.atomic
def announce_file(
    *, actor: Actor, file_name: str, content_type: str, size: int, sha256: str = "", at: datetime | None = None
) -> StoredFile:
    """A draft of the actor's, to be uploaded next. `size` in bytes; `sha256` of them in hex, if they know it.

    Holds the tenant's quota until the end. Raises `PermissionDenied` (who only reads), `InvalidInput`,
    `PayloadTooLarge`, `StorageQuotaExceeded`.
    """
    if actor.membership_id is None:
        raise PermissionDenied
    if content_type not in ALLOWED:
        raise InvalidInput({"content_type": ["invalid_choice"]})
    if size > MOST_BYTES:
        raise PayloadTooLarge
    _hold_quota(actor.tenant_id)
    room = room_of(actor.tenant_id)
    if room.used_bytes + size > room.quota_bytes:
        raise StorageQuotaExceeded
    return StoredFile.objects.create(
        tenant_id=actor.tenant_id, uploader_id=actor.membership_id, file_name=shown_name(file_name, content_type),
        content_type=content_type, size=size, sha256=sha256.lower(), created_at=at or timezone.now(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes of files a tenant may have, and how many are taken."""

    quota_bytes: int
    used_bytes: int

    def __str__(self) -> str:
        """In words, in the reader's language: 1.2 GB of 20 GB."""
        said = {"used": filesizeformat(self.used_bytes), "quota": filesizeformat(self.quota_bytes)}
        return _("%(used)s of %(quota)s") % said


def room_of(tenant_id: UUID) -> Room:
    """A tenant's room for files. Needs it in scope. One statement."""
    taken = StoredFile.objects.in_tenants([tenant_id]).bytes_used()
    own, used = Tenant.objects.annotate(used=taken).values_list("file_quota_bytes", "used").get(id=tenant_id)
    return Room(settings.FILES_QUOTA_BYTES if own is None else own, int(used or 0))


def room_at(row: Model, tenant_id: UUID) -> Room:
    """The same, kept at a row that a page of the admin shows, which asks for it again and again."""
    kept: Room | None = getattr(row, "room", None)
    if kept is None:
        kept = row.room = room_of(tenant_id)  # type: ignore[attr-defined]
    return kept


def _hold_quota(tenant_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"files {tenant_id}"])


@dataclass(frozen=True, slots=True)
class Attaching:
    """Drafts that are about to be sent, in the order given; nothing is written yet."""

    files: Sequence[StoredFile] = ()

    @property
    def preview(self) -> str:
        """What stands for a message without words."""
        return self.files[0].file_name if self.files else ""

    def __len__(self) -> int:
        return len(self.files)


NO_FILES = Attaching()


def drafts_to_send(actor: Actor, attachment_ids: Collection[UUID]) -> Attaching:
    """The actor's own drafts with these ids.

    Raises `InvalidInput` (too many, one twice, too large together), `AttachmentNotFound`, `AttachmentNotUploaded`, and
    as `look_for_uploads`.
    """
    if not attachment_ids:
        return NO_FILES
    if len(attachment_ids) > MOST_FILES:
        raise InvalidInput({"attachment_ids": ["max_length"]})
    if len(set(attachment_ids)) < len(attachment_ids):
        raise InvalidInput({"attachment_ids": ["invalid"]})
    found = {file.id: file for file in StoredFile.objects.drafts_of(actor).filter(id__in=attachment_ids)}
    if len(found) < len(attachment_ids):
        raise AttachmentNotFound
    files = [found[key] for key in attachment_ids]
    look_for_uploads(files)
    if any(file.state == State.WAITING for file in files):
        raise AttachmentNotUploaded
    if sum(file.size for file in files) > MOST_BYTES:
        raise InvalidInput({"attachment_ids": ["max_value"]})
    return Attaching(files)


def attach(attaching: Attaching, kind: Parent, parent_id: UUID) -> None:
    """Send these with something that was just written, in its transaction. Locks them.

    Raises `AttachmentNotFound` where one was sent or removed meanwhile.
    """
    if not attaching:
        return
    keys = [file.id for file in attaching.files]
    tenant_ids = [attaching.files[0].tenant_id]
    locked = {file.id: file for file in StoredFile.objects.in_tenants(tenant_ids).drafts().filter(id__in=keys).locked()}
    if len(locked) < len(keys):
        raise AttachmentNotFound
    sent = [locked[key] for key in keys]
    for place, file in enumerate(sent):
        file.parent_kind, file.parent_id, file.place = kind, parent_id, place
    StoredFile.objects.bulk_update(sent, ["parent_kind", "parent_id", "place"])


@transaction.atomic
def delete_draft(*, actor: Actor, file_id: UUID) -> None:
    """Raises `AttachmentNotFound` for what is no draft of theirs. Locks it."""
    if not remove(StoredFile.objects.drafts_of(actor).filter(id=file_id)):
        raise AttachmentNotFound


def remove_files_of(tenant_id: UUID, kind: Parent, parent_ids: Collection[UUID]) -> int:
    """What was sent with these is gone for everybody; its bytes are deleted by the sweep. Locks them."""
    return remove(StoredFile.objects.in_tenants([tenant_id]).of(kind, parent_ids))


def remove(files: StoredFileQuerySet) -> int:
    """The rows stay, without a word, until their bytes are deleted (`sweeping`). How many there were. Locks them."""
    keys = list(files.order_by().locked().values_list("id", flat=True))
    return StoredFile.objects.filter(id__in=keys).update(
        state=State.REMOVED, reason="", next_at=None, file_name="", sha256="", attempts=F("attempts") + 1,
        uploader=None, parent_kind="", parent_id=None,
    )  # fmt: skip
