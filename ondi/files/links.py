"""Signed links: an address that says by itself what it opens, for whom, and until when.

They need no token, so they fit into `<img src>`. One to read stays the same within the hour and is good for one to two;
whether its reader still has the right is asked at each use. Signed with a key of their own.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from ondi.accounts.actors import Actor
from ondi.common.ids import parse_id

PREFIX = "/files/"
UPLOAD, DOWNLOAD, VIEW, THUMBNAIL = "upload", "download", "view", "thumbnail"
READING = (DOWNLOAD, VIEW, THUMBNAIL)
HOUR = 3_600
UPLOAD_BEGINS_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class FileReader:
    """Whom a link was made for. `kind`: `m` a member of the tenant, `o` the platform's operator, `k` an API key."""

    kind: str
    id: UUID

    @classmethod
    def of(cls, actor: Actor) -> "FileReader":
        return cls("m", actor.membership_id) if actor.membership_id else cls("o", actor.user_id)

    @classmethod
    def key(cls, key_id: UUID) -> "FileReader":
        return cls("k", key_id)

    def __str__(self) -> str:
        return f"{self.kind}{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link opens. `until`: of one to upload, when it has to have begun; of one to read, its hour."""

    purpose: str
    tenant_id: UUID
    file_id: UUID
    reader: FileReader
    until: int

    @property
    def expires_at(self) -> datetime:
        ends = self.until if self.purpose == UPLOAD else (self.until + 2) * HOUR
        return datetime.fromtimestamp(ends, UTC)

    def address(self, here: str) -> str:
        """The whole address. `here`: where we are asked, for where no other is set."""
        base = settings.FILES_URL or settings.STREAM_URL or here
        query = {"t": self.tenant_id.hex, "r": str(self.reader), "u": self.until, "s": self._signature(_keys()[0])}
        return f"{base}{PREFIX}{self.purpose}/{self.file_id}?{urlencode(query)}"

    def is_signed_by(self, signature: str) -> bool:
        given = signature.encode("utf-8", "replace")
        return any(hmac.compare_digest(self._signature(key).encode(), given) for key in _keys())

    def _signature(self, key: str) -> str:
        said = "\n".join(
            ("ondi.files", self.purpose, self.tenant_id.hex, self.file_id.hex, str(self.reader), str(self.until))
        )
        return hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest()


def reading_link(purpose: str, *, tenant_id: UUID, file_id: UUID, reader: FileReader, at: datetime) -> Link:
    return Link(purpose, tenant_id, file_id, reader, int(at.timestamp()) // HOUR)


def upload_link(*, tenant_id: UUID, file_id: UUID, reader: FileReader, at: datetime) -> Link:
    return Link(UPLOAD, tenant_id, file_id, reader, int((at + UPLOAD_BEGINS_WITHIN).timestamp()))


def read_link(path: str, query: dict[str, list[str]], *, now: float | None = None) -> Link | None:
    """The link that this address is; None for one that we did not sign, or that is over."""
    purpose, _slash, file = path.removeprefix(PREFIX).partition("/")
    one = {name: values[0] for name, values in query.items() if len(values) == 1}
    file_id, tenant_id, reader = parse_id(file), _hex_id(one.get("t", "")), one.get("r", "")
    reader_id, until = _hex_id(reader[1:]), one.get("u", "")
    if not (purpose in (UPLOAD, *READING) and file_id and tenant_id and reader_id):
        return None
    if reader[:1] not in ("m", "o", "k") or not (until.isascii() and until.isdigit() and len(until) <= 12):
        return None
    link = Link(purpose, tenant_id, file_id, FileReader(reader[0], reader_id), int(until))
    if not link.is_signed_by(one.get("s", "")):
        return None
    return link if link.expires_at.timestamp() > (time.time() if now is None else now) else None


def _hex_id(text: str) -> UUID | None:
    return UUID(text) if len(text) == 32 and all(letter in "0123456789abcdef" for letter in text) else None


def _keys() -> tuple[str, ...]:
    """Signs with the first, takes each."""
    return (settings.FILES_SIGNING_KEY, *settings.FILES_SIGNING_KEY_FALLBACKS)
