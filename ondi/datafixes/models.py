"""What data fixes did: every run, and every row before and after it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ondi.common.database import TenantForeignKey
from ondi.common.personal import ROW, NotPersonal, PersonalData
from ondi.tenants.models import TenantOwned


class FixRun(TenantOwned):
    """One run of one fix in one tenant.

    Cut off: it ended before its end, and the next one like it goes on under this record. A run whose process was
    killed still says `running`; `runs.status_of` tells the two apart.
    """

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        CUT_OFF = "cut_off", _("Cut off")
        DONE = "done", _("Done")
        FAILED = "failed", _("Done, with failures")
        REFUSED = "refused", _("Refused")
        UNDONE = "undone", _("Undone")
        HALF_UNDONE = "half_undone", _("Half undone")
        UNDO_REFUSED = "undo_refused", _("Undo refused")

    command = models.CharField(_("command"), max_length=100)
    arguments = models.JSONField(_("arguments"), default=dict)
    operator = models.CharField(_("operator"), max_length=200)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.RUNNING)
    is_final = models.BooleanField(_("cannot be undone"), default=False)
    plan = models.CharField(_("plan"), max_length=64, blank=True)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    personal = NotPersonal("what an operator asked for; people by their ids")

    class Meta:
        verbose_name = _("data fix")
        verbose_name_plural = _("data fixes")
        indexes = [models.Index(fields=["tenant", "-started_at", "-id"], name="datafixes_run_list")]

    def __str__(self) -> str:
        return f"{self.command} {self.id}"


class FixImage(TenantOwned):
    """One row before and after a run. No `before`: the run made it; no `after`: the run took it away.

    `item`: the ticket or other thing the row was changed with; what belongs together is undone together.
    """

    run = TenantForeignKey(FixRun, on_delete=models.CASCADE, related_name="images", verbose_name=_("data fix"))
    item = models.CharField(max_length=240)
    position = models.PositiveIntegerField()
    table_name = models.CharField(max_length=63)
    row_id = models.UUIDField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    personal = PersonalData(names="row_id", erase=ROW, withheld="what their rows were, until a fix is undone")

    class Meta:
        verbose_name = _("image of a row")
        verbose_name_plural = _("images of rows")
        indexes = [
            models.Index(fields=["tenant", "run", "item", "position"], name="datafixes_image_of_run"),
            models.Index(fields=["tenant", "row_id"], name="datafixes_image_of_row"),
        ]

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}"
