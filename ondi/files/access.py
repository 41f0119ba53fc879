"""Who comes with a signed link, and what they get: asked of the database at each use, a transaction each."""

from dataclasses import dataclass
from uuid import UUID

from ondi.accounts.actors import Actor
from ondi.accounts.entering import acting_as
from ondi.accounts.models import ApiKey, Membership, Scope, User
from ondi.api.errors import PayloadTooLarge
from ondi.common.errors import InvalidInput, NotFound
from ondi.files.arriving import take_upload
from ondi.files.errors import AttachmentAlreadyUploaded
from ondi.files.kinds import VIEW_TYPE
from ondi.files.links import DOWNLOAD, FileReader, Link
from ondi.files.models import MAIN, MOST_BYTES, State, StoredFile
from ondi.files.rule import may_read
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope


@dataclass(frozen=True, slots=True)
class Readable:
    """What a link gives: the bytes under `key`, and how they are named; shown are pictures of our own making alone."""

    key: str
    content_type: str
    file_name: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Awaited:
    """An upload that may come. `sha256`: as announced, or of what is there already, which `is_taken`."""

    tenant_id: UUID
    file_id: UUID
    sha256: str
    is_taken: bool


def readable(link: Link) -> Readable:
    """Raises `NotFound` for everything that its reader may not have, or not any more."""
    with tenant_scope(link.tenant_id):
        actor = _actor_of(link.reader, link.tenant_id)
        file = actor and StoredFile.objects.visible_to(actor).filter(id=link.file_id, state=State.READY).first()
        if not (actor and file and may_read(actor, file)):
            raise NotFound
        if link.purpose == DOWNLOAD:
            return Readable(file.stored_key(MAIN), file.content_type, file.file_name, is_shown=False)
        if not file.has_views:
            raise NotFound
        return Readable(file.stored_key(link.purpose), VIEW_TYPE, file.file_name, is_shown=True)


def awaited(link: Link, length: int, content_type: str) -> Awaited:
    """Raises `NotFound`; `InvalidInput` for another length or type than was announced."""
    file = _announced(link)
    if file.state == State.WAITING:
        if length != file.size:
            raise InvalidInput({"Content-Length": ["invalid"]})
        if content_type != file.content_type:
            raise InvalidInput({"Content-Type": ["invalid"]})
    elif length > MOST_BYTES:
        raise PayloadTooLarge
    return Awaited(file.tenant_id, file.id, file.sha256, is_taken=file.state != State.WAITING)


def taken(upload: Awaited, upload_id: UUID, sha256: str) -> bool:
    """The bytes are stored under this id: let them be the file's. False where the same bytes are there already.

    Raises `AttachmentAlreadyUploaded` where others are, `NotFound` where it is gone.
    """
    with tenant_scope(upload.tenant_id):
        if take_upload(tenant_id=upload.tenant_id, file_id=upload.file_id, upload_id=upload_id, sha256=sha256):
            return True
        files = StoredFile.objects.in_tenants([upload.tenant_id]).present().filter(id=upload.file_id)
        known = files.values_list("sha256", flat=True).first()
    if known is None:
        raise NotFound
    if known != sha256:
        raise AttachmentAlreadyUploaded
    return False


def _announced(link: Link) -> StoredFile:
    """What its uploader announced; whatever became of it since. Raises `NotFound`."""
    with tenant_scope(link.tenant_id):
        actor = _actor_of(link.reader, link.tenant_id)
        files = StoredFile.objects.in_tenants([link.tenant_id]).present()
        found = actor and files.filter(id=link.file_id, uploader_id=actor.membership_id).first()
    if not found:
        raise NotFound
    return found


def _actor_of(reader: FileReader, tenant_id: UUID) -> Actor | None:
    """Who a link was made for, as they are now; None for who is out. With the tenant in scope."""
    if not Tenant.objects.filter(id=tenant_id, status=Tenant.Status.ACTIVE).exists():
        return None
    if reader.kind == "m":
        people = Membership.objects.select_related("user", "tenant__portal_settings").in_tenants([tenant_id]).active()
        found = people.filter(id=reader.id).first()
        return acting_as(found) if found else None
    if reader.kind == "k":
        key = ApiKey.objects.filter(tenant_id=tenant_id, id=reader.id).first()
        return Actor.program(tenant_id) if key and key.opens_something and Scope.TICKETS_READ in key.scopes else None
    is_operator = User.objects.filter(id=reader.id, is_active=True, is_superuser=True).exists()
    return Actor.operator(tenant_id, reader.id) if is_operator else None
