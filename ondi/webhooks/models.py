"""Whom of a tenant's programs we call, what each is to be told, and what came back.

No payload is kept: it is made of the event each time it is sent.
"""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal
from ondi.tenants.models import TenantOwned
from ondi.webhooks.querysets import AttemptQuerySet, BreakerQuerySet, EndpointQuerySet, WebhookDeliveryQuerySet

EVERYTHING, TEST = "*", "webhook.test"
LONGEST_URL, LONGEST_DESCRIPTION, LONGEST_HEADER_NAME = 2_000, 500, 64


class Endpoint(TenantOwned):
    """A program of the tenant's that is called.

    `host`: of its address, in lower case. `events`: kinds, or `EVERYTHING`. `secret`, `previous_secret`,
    `header_value`: sealed (`secrets`); the previous ones, with spaces between, sign beside the new one until
    `previous_until`.
    `failing_since`: since when no call succeeded; `told_hours`: after how many of these hours admins were told last.
    """

    class Disabled(models.TextChoices):
        GONE = "gone", _("it answered that it is gone")
        FAILING = "failing", _("no call succeeded for five days")

    url = models.CharField(_("address"), max_length=LONGEST_URL)
    host = models.CharField(max_length=255)
    events = models.JSONField(_("events"), default=list)
    description = models.CharField(_("description"), max_length=LONGEST_DESCRIPTION, blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)
    secret = models.TextField()
    previous_secret = models.TextField(blank=True, default="")
    previous_until = models.DateTimeField(null=True)
    header_name = models.CharField(_("header"), max_length=LONGEST_HEADER_NAME, blank=True, default="")
    header_value = models.TextField(blank=True, default="")
    failing_since = models.DateTimeField(_("failing since"), null=True)
    told_hours = models.PositiveSmallIntegerField(default=0)
    disabled_at = models.DateTimeField(_("disabled"), null=True)
    disabled_reason = models.CharField(
        _("why it was disabled"), max_length=8, choices=Disabled.choices, blank=True, default=""
    )
    last_success_at = models.DateTimeField(_("last success"), null=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    personal = NotPersonal("where a business's own program answers")

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(disabled_at=None, disabled_reason="")
                | models.Q(disabled_at__isnull=False, disabled_reason__regex="^(gone|failing)$", is_active=False),
                name="webhooks_endpoint_disabled",
            ),
            models.CheckConstraint(
                condition=models.Q(previous_secret="", previous_until=None)
                | (~models.Q(previous_secret="") & models.Q(previous_until__isnull=False)),
                name="webhooks_endpoint_previous",
            ),
            models.CheckConstraint(
                condition=models.Q(header_name="", header_value="")
                | (~models.Q(header_name="") & ~models.Q(header_value="")),
                name="webhooks_endpoint_header",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="webhooks_endpoints")]

    def __str__(self) -> str:
        return self.host

    @property
    def state(self) -> str:
        if self.disabled_at is not None:
            return "disabled"
        if not self.is_active:
            return "paused"
        return "failing" if self.failing_since else "active"

    def previous_secrets(self, at: datetime) -> list[str]:
        """Those that still sign, sealed, the newest first."""
        if self.previous_until is None or self.previous_until <= at:
            return []
        return str(self.previous_secret).split()


class WebhookDelivery(TenantOwned):
    """That an endpoint is to be told of an event. One an endpoint and event.

    `position`: of the event; None for a test, which tells of none. `next_at`: tried not before; None while its endpoint
    is not active. `attempts`: who began one records by its number; `failures`: of them since it was last asked for.
    `leased_until`: while it is called, how long nobody else does.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        DEAD = "dead", _("given up")

    endpoint = TenantForeignKey(Endpoint, on_delete=models.CASCADE, related_name="+", verbose_name=_("webhook"))
    position = models.BigIntegerField(_("position of its event"), null=True)
    kind = models.CharField(_("event"), max_length=40)
    ticket_id = models.UUIDField(null=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(_("next try"), default=timezone.now, null=True)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    personal = NotPersonal("ids, numbers and codes")

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        db_table = "webhooks_delivery"
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "endpoint", "position"], name="webhooks_delivery_once"),
            models.CheckConstraint(
                condition=models.Q(state="waiting")
                | models.Q(state__regex="^(delivered|dead)$", next_at=None, leased_until=None),
                name="webhooks_delivery_state",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "endpoint", "next_at"],
                condition=models.Q(state="waiting", next_at__isnull=False),
                name="webhooks_delivery_due",
            ),
            models.Index(
                fields=["leased_until"], condition=models.Q(leased_until__isnull=False), name="webhooks_delivery_called"
            ),
            models.Index(fields=["tenant", "endpoint", "-created_at", "-id"], name="webhooks_delivery_newest"),
            models.Index(fields=["tenant", "created_at"], name="webhooks_delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.kind}"


class Attempt(TenantOwned):
    """A call, and what came of it. `error`: in a code; empty for a success. `answer`: how what came back began."""

    delivery = TenantForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="+", verbose_name=_("delivery"))
    number = models.PositiveIntegerField()
    at = models.DateTimeField(_("at"), default=timezone.now)
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    error = models.CharField(_("error"), max_length=24, blank=True, default="")
    answer = models.TextField(_("answer"), blank=True, default="")

    personal = NotPersonal("what a business's program answered; all of a tenant's go when somebody of it is erased")

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook call")
        verbose_name_plural = _("webhook calls")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "delivery", "number"], name="webhooks_attempt_once"),
        ]
        indexes = [models.Index(fields=["tenant", "at"], name="webhooks_attempt_by_age")]

    def __str__(self) -> str:
        return self.error or str(self.status)


class Breaker(TenantOwned):
    """How often in a row calls of a tenant to a host failed. Of one tenant: nobody's calls wait for another's failures.

    `open_until`: nothing is sent there before, and then one call; `probes`: how often that failed.
    """

    host = models.CharField(max_length=255)
    failures = models.PositiveIntegerField(default=0)
    probes = models.PositiveSmallIntegerField(default=0)
    open_until = models.DateTimeField(null=True)

    personal = NotPersonal("a host and numbers")

    objects = BreakerQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook host")
        verbose_name_plural = _("webhook hosts")
        constraints = [models.UniqueConstraint(fields=["tenant", "host"], name="webhooks_breaker_once")]

    def __str__(self) -> str:
        return self.host
