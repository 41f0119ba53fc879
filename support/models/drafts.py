"""What people have written at a ticket and not sent, or that waits to be sent."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import ROW, PersonalData
from ondi.tenants.models import TenantOwned
from support.draft_querysets import DraftQuerySet
from support.models.tickets import Ticket
from support.vocabulary import DraftKind, TicketStatus


class Draft(TenantOwned):
    """An answer or a note that is not sent, or a macro that is used. Its writer's alone: no lead and no operator
    reads it.

    `files`: of the drafts of files that go with it. `sequence`, `assignee`, `status`: what its writer had before their
    eyes (`Seen`). `send_at`: when it is sent, until then it waits; without, it is being written. `closes`: the ticket
    is closed with it. `form`: the id of the form that sent it. `refused`: the code of what kept it from being sent.

    A macro stays when it is done: `content` is its name, `steps` what it says, `undo` what takes it back, and `form` is
    of one use on however many tickets (`support/macros`).
    """

    ticket = TenantForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", verbose_name=_("ticket"))
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=5, choices=DraftKind.choices)
    content = models.TextField(_("text"), blank=True)
    files = ArrayField(models.UUIDField(), verbose_name=_("files"), default=list)
    sequence = models.PositiveIntegerField(null=True)
    assignee = models.UUIDField(null=True)
    status = models.CharField(max_length=8, choices=TicketStatus.choices, blank=True, default="")
    closes = models.BooleanField(default=False)
    send_at = models.DateTimeField(null=True)
    form = models.UUIDField(null=True)
    refused = models.CharField(max_length=64, blank=True, default="")
    steps = models.JSONField(null=True)
    undo = models.JSONField(null=True)
    updated_at = models.DateTimeField(_("updated"))

    personal = PersonalData(of="ticket", erase=ROW, withheld="what nobody has said to them yet", is_purged=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ticket", "membership", "kind"], condition=Q(send_at=None), name="support_draft_one"
            ),
            models.UniqueConstraint(
                fields=["tenant", "ticket", "membership", "kind"],
                condition=Q(send_at__isnull=False),
                name="support_draft_one_waits",
            ),
            models.CheckConstraint(condition=Q(closes=False) | Q(kind=DraftKind.REPLY), name="support_draft_closes"),
            models.CheckConstraint(
                condition=Q(kind=DraftKind.MACRO, steps__isnull=False, form__isnull=False)
                | (~Q(kind=DraftKind.MACRO) & Q(steps__isnull=True, undo__isnull=True)),
                name="support_draft_macro",
            ),
            models.CheckConstraint(condition=Q(refused="") | Q(send_at=None), name="support_draft_refused"),
        ]
        indexes = [
            models.Index(fields=["send_at"], condition=Q(send_at__isnull=False), name="support_draft_due"),
            # What the bell asks for, on every page.
            models.Index(
                fields=["tenant", "membership"],
                condition=Q(send_at__isnull=False) | ~Q(refused=""),
                name="support_draft_told",
            ),
            models.Index(fields=["tenant", "updated_at"], name="support_draft_age"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
