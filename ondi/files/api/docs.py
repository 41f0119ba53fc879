"""What the OpenAPI document says of files."""

from ondi.accounts.api.docs import TOKENS
from ondi.api.errors import PayloadTooLarge
from ondi.api.schema import documented
from ondi.common.errors import InvalidInput
from ondi.files.api.data import AnnounceBody, DraftData
from ondi.files.errors import AttachmentNotFound, StorageQuotaExceeded

AT = "messaging/attachments"
ONE = AT + "/<str:attachment_id>"
LINK = "https://support.example/files/%s/0197f0a0-0000-7000-8000-000000000061?t=…&r=…&u=490000&s=…"
ATTACHMENT = {
    "id": "0197f0a0-0000-7000-8000-000000000061",
    "file_name": "parcel.jpg",
    "content_type": "image/jpeg",
    "size": 412_330,
    "width": 2_048,
    "height": 1_536,
    "state": "ready",
    "reason": None,
    "created_at": "2026-11-23T09:34:00.000000Z",
    "download_url": LINK % "download",
    "view_url": LINK % "view",
    "thumbnail_url": LINK % "thumbnail",
    "expires_at": "2026-11-23T11:00:00.000000Z",
}
DRAFT = {
    **ATTACHMENT,
    **dict.fromkeys(("width", "height", "download_url", "view_url", "thumbnail_url", "expires_at")),
    "state": "waiting",
    "upload": {
        "method": "PUT",
        "url": LINK % "upload",
        "headers": {"Content-Type": "image/jpeg"},
        "expires_at": "2026-11-23T09:49:00.000000Z",
    },
}
DESCRIPTION = """\
A file is announced, then its bytes are sent to `upload.url` with `upload.headers`, then its id goes with a ticket, a
message or a note (`attachment_ids`). The upload needs no token and must begin before `upload.expires_at`; it may be
repeated until the file is taken. A worker looks at it: `checking` becomes `ready` or `refused` with its `reason`
(the stream tells it). Images are turned upright and written anew without anything that was hidden in
them; HEIC becomes JPEG. A draft that nobody sends is deleted after 24 hours."""

announce = documented(
    f"POST {AT}",
    "createAttachment",
    "Announce a file",
    description=DESCRIPTION,
    message="Attachment created",
    body=AnnounceBody,
    body_examples={"A photo": {"file_name": "parcel.jpg", "content_type": "image/jpeg", "size": 412_330}},
    data={"attachment": DraftData()},
    example={"attachment": DRAFT},
    status=201,
    refusals=[
        *TOKENS, InvalidInput({"content_type": ["invalid_choice"]}), PayloadTooLarge(),
        StorageQuotaExceeded(),
    ],
    idempotent=True,
)  # fmt: skip
attachment = documented(
    f"GET {ONE}",
    "getAttachment",
    "Look at a file",
    description="Open to those who may read what it was sent with; a draft to who announced it, while it waits with a "
    "fresh `upload`. The links need no token, stay the same within the hour and are good for one to two.",
    message="Attachment retrieved",
    data={"attachment": DraftData()},
    example={"attachment": ATTACHMENT},
    refusals=[*TOKENS, AttachmentNotFound()],
)
delete = documented(
    f"DELETE {ONE}",
    "deleteAttachment",
    "Throw a draft away",
    description="One that was announced and not sent with anything.",
    message="Attachment deleted",
    data={},
    example={},
    refusals=[*TOKENS, AttachmentNotFound()],
)
