"""Files as the API takes and shows them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from ondi.api.fields import BoundedIntegerField, IdField, StringField
from ondi.common.times import iso
from ondi.files.kinds import ALLOWED
from ondi.files.links import DOWNLOAD, THUMBNAIL, VIEW, FileReader, reading_link, upload_link
from ondi.files.models import LONGEST_NAME, MOST_BYTES, Reason, State, StoredFile
from ondi.files.services import MOST_FILES
from ondi.files.storage import store

if TYPE_CHECKING:
    from ondi.files.bucket import Bucket

TYPES = [(name, name) for name in ALLOWED]
STATES = [(state.value, state.label) for state in State if state != State.REMOVED]


class AnnounceBody(serializers.Serializer[Any]):
    file_name = StringField(min_length=1, max_length=LONGEST_NAME, help_text="1 to 255 characters.")
    content_type = serializers.ChoiceField(choices=TYPES)
    size = BoundedIntegerField(min_value=1, help_text=f"In bytes, at most {MOST_BYTES:,}; more is a 413.")
    sha256 = serializers.RegexField(r"\A[0-9a-fA-F]{64}\Z", required=False, help_text="Of the bytes, in hex.")


class UploadData(serializers.Serializer[Any]):
    method = serializers.CharField()
    url = serializers.URLField()
    headers = serializers.DictField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class AttachmentData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    file_name = serializers.CharField()
    content_type = serializers.ChoiceField(choices=TYPES)
    size = serializers.IntegerField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.ChoiceField(choices=Reason.choices, allow_null=True)
    created_at = serializers.DateTimeField()
    download_url = serializers.URLField(allow_null=True)
    view_url = serializers.URLField(allow_null=True)
    thumbnail_url = serializers.URLField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class DraftData(AttachmentData):
    upload = UploadData(required=False, help_text="While it waits for its bytes.")


class AttachmentIdsField(serializers.ListField):
    """0 to 10 own drafts, each once."""

    def __init__(self) -> None:
        super().__init__(
            child=IdField(), required=False, max_length=MOST_FILES, help_text="Own drafts, 0 to 10, each once."
        )


def attachment_data(file: StoredFile, *, reader: FileReader, here: str, at: datetime | None = None) -> dict[str, Any]:
    """A file as this reader sees it. `here`: where we are asked, for links where no other address is set."""
    is_ready = file.state == State.READY
    has_views = is_ready and file.has_views
    download, view, thumbnail = (
        reading_link(purpose, tenant_id=file.tenant_id, file_id=file.id, reader=reader, at=at or timezone.now())
        for purpose in (DOWNLOAD, VIEW, THUMBNAIL)
    )
    return {
        "id": str(file.id),
        "file_name": file.file_name,
        "content_type": file.content_type,
        "size": file.size,
        "width": file.width,
        "height": file.height,
        "state": file.state,
        "reason": file.reason or None,
        "created_at": iso(file.created_at),
        "download_url": download.address(here) if is_ready else None,
        "view_url": view.address(here) if has_views else None,
        "thumbnail_url": thumbnail.address(here) if has_views else None,
        "expires_at": iso(download.expires_at) if is_ready else None,
    }


def draft_data(file: StoredFile, *, reader: FileReader, here: str, at: datetime | None = None) -> dict[str, Any]:
    """The same of a draft of the reader's own: while it waits, with where its bytes are to be sent."""
    at = at or timezone.now()
    data = attachment_data(file, reader=reader, here=here, at=at)
    if file.state == State.WAITING and file.parent_id is None:
        data["upload"] = _upload_data(file, reader, here, at)
    return data


def _upload_data(file: StoredFile, reader: FileReader, here: str, at: datetime) -> dict[str, Any]:
    link = upload_link(tenant_id=file.tenant_id, file_id=file.id, reader=reader, at=at)
    url, headers = link.address(here), {"Content-Type": file.content_type}
    if not store().is_local:
        seconds = int((link.expires_at - at).total_seconds())
        bucket = cast("Bucket", store())
        url, headers = bucket.upload_link(
            file.upload_key, size=file.size, content_type=file.content_type, seconds=seconds
        )
    return {"method": "PUT", "url": url, "headers": headers, "expires_at": iso(link.expires_at)}


def attachments_of(
    tenant_ids: Collection[UUID], parents: Mapping[UUID, int], *, reader: FileReader, here: str
) -> dict[UUID, list[dict[str, Any]]]:
    """What was sent with each of these messages and notes, in its order, as this reader sees it.

    `parents`: how many files each has. One statement, none where there are none.
    """
    found: dict[UUID, list[dict[str, Any]]] = {key: [] for key in parents}
    wanted: Sequence[UUID] = [key for key, number in parents.items() if number]
    if wanted:
        at = timezone.now()
        for file in StoredFile.objects.in_tenants(tenant_ids).of_any(wanted):
            assert file.parent_id
            found[file.parent_id].append(attachment_data(file, reader=reader, here=here, at=at))
    return found
