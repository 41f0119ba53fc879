"""Files that people send. What a row says of its bytes is true: they are stored before it, and deleted after it."""

from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.ids import new_id
from ondi.common.personal import ROW, PersonalData
from ondi.files.querysets import StoredFileQuerySet
from ondi.tenants.models import TenantOwned

LONGEST_NAME = 255
MOST_BYTES = 26_214_400
MAIN, VIEW, THUMBNAIL = "main", "view", "thumbnail"
INCOMING, KEPT = "incoming", "kept"  # where uploads come, and where what is read lies


class State(models.TextChoices):
    """`REMOVED`: it is nobody's any more; the row names the bytes to delete, and goes after them."""

    WAITING = "waiting", _("waiting")
    CHECKING = "checking", _("checking")
    READY = "ready", _("ready")
    REFUSED = "refused", _("refused")
    REMOVED = "removed", _("removed")


class Reason(models.TextChoices):
    TYPE_MISMATCH = "type_mismatch", _("It is another type of file than its name says.")
    MALFORMED = "malformed", _("It is damaged.")
    TOO_LARGE = "too_large", _("It is too large.")
    INFECTED = "infected", _("A virus was found in it.")


class Parent(models.TextChoices):
    """What a file was sent with."""

    MESSAGE = "message", _("message")
    NOTE = "note", _("note")


class StoredFile(TenantOwned):
    """A file: a draft of its uploader's until it is sent with something, and then open to who may read that.

    `content_type`, `size`: what was announced; what is kept, once it is ready. `sha256`: of the bytes, as announced or
    as they came; empty where nobody said. `upload_id`: names the place that the upload link writes to; `stored_id`, the
    place that is read, which no link ever named. `has_views`: a smaller view and a thumbnail stand beside it.
    `stored_bytes`: what all of it takes. `attempts`: who began a check records by its number; `next_at`: checked not
    before; while one checks, when its lease ends. `place`: among the files of its parent, from 0.
    """

    uploader = TenantForeignKey(
        Membership, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("uploader")
    )
    file_name = models.CharField(_("name"), max_length=LONGEST_NAME, blank=True)
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size"))
    sha256 = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=16, choices=Reason.choices, blank=True, default="")
    width = models.PositiveIntegerField(_("width"), null=True)
    height = models.PositiveIntegerField(_("height"), null=True)
    upload_id = models.UUIDField(default=new_id)
    stored_id = models.UUIDField(null=True)
    has_views = models.BooleanField(default=False)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    parent_kind = models.CharField(max_length=8, choices=Parent.choices, blank=True, default="")
    parent_id = models.UUIDField(null=True)
    place = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    personal = PersonalData(of="uploader", names="parent_id", erase=ROW, export="files", is_purged=True)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        constraints = [
            models.UniqueConstraint(fields=["upload_id"], name="files_storedfile_upload"),
            models.UniqueConstraint(fields=["stored_id"], name="files_storedfile_stored"),
            models.CheckConstraint(
                condition=models.Q(parent_kind="", parent_id=None)
                | (
                    (models.Q(parent_kind="message") | models.Q(parent_kind="note")) & models.Q(parent_id__isnull=False)
                ),
                name="files_storedfile_parent",
            ),
            models.CheckConstraint(
                condition=models.Q(state="removed", uploader=None, parent_id=None, file_name="")
                | (~models.Q(state="removed") & models.Q(uploader__isnull=False)),
                name="files_storedfile_removed",
            ),
            models.CheckConstraint(
                condition=models.Q(state="ready", stored_id__isnull=False) | ~models.Q(state="ready"),
                name="files_storedfile_ready",
            ),
            models.CheckConstraint(
                # No list: a restored one is written in other words, which the doctor takes for another rule.
                condition=(models.Q(state="refused") & ~models.Q(reason=""))
                | (~models.Q(state="refused") & models.Q(reason="")),
                name="files_storedfile_refused",
            ),
            models.CheckConstraint(
                condition=models.Q(state="checking", next_at__isnull=False)
                | (~models.Q(state="checking") & models.Q(next_at=None)),
                name="files_storedfile_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "parent_kind", "parent_id", "place"],
                condition=models.Q(parent_id__isnull=False),
                name="files_of_parent",
            ),
            models.Index(fields=["tenant", "next_at"], condition=models.Q(state="checking"), name="files_to_check"),
            models.Index(
                fields=["tenant", "created_at"], condition=models.Q(parent_id__isnull=True), name="files_drafts"
            ),
            models.Index(fields=["tenant", "uploader"], name="files_of_person"),
            models.Index(fields=["tenant", "id"], condition=models.Q(state="removed"), name="files_removed"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def upload_key(self) -> str:
        """Where an upload lies."""
        return incoming_key(self.tenant_id, self.upload_id)

    def stored_key(self, part: str = MAIN) -> str:
        """Where what is read lies. `part`: `MAIN`, `VIEW` or `THUMBNAIL`."""
        assert self.stored_id, "it is ready"
        return stored_key(self.tenant_id, self.stored_id, part)


def incoming_key(tenant_id: UUID, upload_id: UUID) -> str:
    return f"{INCOMING}/{tenant_id}/{upload_id}"


def stored_key(tenant_id: UUID, stored_id: UUID, part: str) -> str:
    return f"{KEPT}/{tenant_id}/{stored_id}/{part}"
