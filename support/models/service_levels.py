"""What is promised, within which hours, and how far each ticket's clocks are.

Calendars and policies are names; what they say stands in their versions, which never change. `TicketTerms` is the
truth of which promise held from when; `TicketClock` is a copy of what the history says, that `doctor` computes anew.
"""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal, PersonalData
from ondi.common.querysets import TenantQuerySet
from ondi.tenants.models import TenantOwned, validate_time_zone
from support.level_querysets import (
    CalendarVersionQuerySet,
    PolicyVersionQuerySet,
    TicketClockQuerySet,
    TicketTermsQuerySet,
)
from support.models.tickets import Ticket
from support.vocabulary import Cause, Metric, Outcome

LONGEST_NAME = 100


class Calendar(TenantOwned):
    """Hours that are named. `newest`: its version."""

    name = models.CharField(_("name"), max_length=LONGEST_NAME)

    personal = NotPersonal("a business's opening hours")

    objects = TenantQuerySet["Calendar"].as_manager()

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="support_calendar_name",
                violation_error_message=_("There is a calendar of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(TenantOwned):
    """Open hours as they were said at one time. Append-only.

    `days`: of Monday to Sunday, windows in minutes since midnight, the end of one past midnight above 1440.
    `exceptions`: by date, `{"name": …, "windows": …}`, said instead of the weekday's.
    """

    calendar = TenantForeignKey(Calendar, on_delete=models.PROTECT, related_name="versions", verbose_name=_("calendar"))
    number = models.PositiveIntegerField(_("version"))
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    days = models.JSONField(_("week"))
    exceptions = models.JSONField(_("exceptions"), default=dict)
    actor = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("who")
    )
    created_at = models.DateTimeField(_("when"))

    personal = NotPersonal("a business's opening hours")

    objects = CalendarVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a calendar")
        verbose_name_plural = _("versions of calendars")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "calendar", "number"], name="support_calendar_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.calendar_id} {self.number}"


class Policy(TenantOwned):
    """A promise that is named. The first in order that fits a ticket is its; `is_active`: off, none is made by it."""

    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    position = models.PositiveIntegerField(_("place"), help_text=_("The first that fits counts."))
    is_active = models.BooleanField(_("active"), default=True)

    personal = NotPersonal("what a business promises")

    objects = TenantQuerySet["Policy"].as_manager()

    class Meta:
        verbose_name = _("service level policy")
        verbose_name_plural = _("service level policies")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="support_policy_name",
                violation_error_message=_("There is a policy of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(TenantOwned):
    """A promise as it was said at one time. Append-only.

    `match`: what a ticket has to be (`support/criteria.py`). Targets in minutes of open hours; none: no promise of
    that kind. `warn_percent`: of the time, when its agent is warned; 0: never.
    """

    policy = TenantForeignKey(Policy, on_delete=models.PROTECT, related_name="versions", verbose_name=_("policy"))
    number = models.PositiveIntegerField(_("version"))
    calendar = TenantForeignKey(Calendar, on_delete=models.PROTECT, related_name="+", verbose_name=_("calendar"))
    match = models.JSONField(_("for which tickets"), default=dict)
    first_response = models.PositiveIntegerField(_("first response, minutes"), null=True, blank=True)
    next_response = models.PositiveIntegerField(_("next response, minutes"), null=True, blank=True)
    resolution = models.PositiveIntegerField(_("resolution, minutes"), null=True, blank=True)
    warn_percent = models.PositiveSmallIntegerField(_("warn at, per cent"), default=80)
    pauses_on_customer = models.BooleanField(_("the resolution pauses while the customer is asked"), default=True)
    pauses_while_snoozed = models.BooleanField(_("all pause while the ticket is snoozed"), default=False)
    actor = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("who")
    )
    created_at = models.DateTimeField(_("when"))

    personal = NotPersonal("what a business promises")

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a policy")
        verbose_name_plural = _("versions of policies")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "policy", "number"], name="support_policy_version_number"),
            models.CheckConstraint(
                condition=Q(first_response__gt=0) | Q(first_response=None), name="support_policy_first_response"
            ),
            models.CheckConstraint(
                condition=Q(next_response__gt=0) | Q(next_response=None), name="support_policy_next_response"
            ),
            models.CheckConstraint(
                condition=Q(resolution__gt=0) | Q(resolution=None), name="support_policy_resolution"
            ),
            models.CheckConstraint(condition=Q(warn_percent__lt=100), name="support_policy_warn_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.number}"

    @property
    def targets(self) -> dict[Metric, timedelta]:
        return {
            metric: timedelta(minutes=minutes)
            for metric in Metric
            if (minutes := getattr(self, metric.value)) is not None
        }


class TermsRound(TenantOwned):
    """The policies of a tenant changed: its open tickets are gone through, by key; `after`: how far that is."""

    after = models.UUIDField(null=True)
    begun_at = models.DateTimeField()

    personal = NotPersonal("how far work is")

    class Meta:
        verbose_name = _("round through open tickets")
        verbose_name_plural = _("rounds through open tickets")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="support_terms_round_of_tenant")]

    def __str__(self) -> str:
        return str(self.begun_at)


class TicketTerms(TenantOwned):
    """Which promise holds for a ticket from a moment on; none: none. Append-only, but what a data fix undoes."""

    ticket = TenantForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", verbose_name=_("ticket"))
    policy_version = TenantForeignKey(
        PolicyVersion, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("version of a policy")
    )
    calendar_version = TenantForeignKey(
        CalendarVersion, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("version of a calendar")
    )
    cause = models.CharField(_("cause"), max_length=10, choices=Cause.choices)
    created_at = models.DateTimeField(_("when"))

    personal = PersonalData(of="ticket", withheld="how the tenant leads its work", is_purged=True)

    objects = TicketTermsQuerySet.as_manager()

    class Meta:
        verbose_name = _("promise for a ticket")
        verbose_name_plural = _("promises for tickets")
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(policy_version=None, calendar_version=None)
                | Q(policy_version__isnull=False, calendar_version__isnull=False),
                name="support_ticketterms_whole",
            )
        ]
        indexes = [models.Index(fields=["tenant", "ticket", "created_at", "id"], name="support_terms_of_ticket")]

    def __str__(self) -> str:
        return str(self.policy_version_id)


class TicketClock(TenantOwned):
    """How far one promise is, as `support/sla/clock.py` has it. Written by `support/services/clocks.py` only.

    `consumed`: open time until `running_since`, or until it stopped. `spoiled_by`: what brought a target that was
    used up already. `warn_at`: when its agent is warned; None once that is done, or while it is paused. `decided_at`:
    when it was met, or was due.
    """

    ticket = TenantForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", verbose_name=_("ticket"))
    metric = models.CharField(_("promise"), max_length=14, choices=Metric.choices)
    number = models.PositiveIntegerField(_("number"))
    policy_version = TenantForeignKey(
        PolicyVersion, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("version of a policy")
    )
    calendar_version = TenantForeignKey(
        CalendarVersion, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("version of a calendar")
    )
    target = models.DurationField(_("target"), null=True)
    started_at = models.DateTimeField(_("started"))
    consumed = models.DurationField(_("time used"))
    running_since = models.DateTimeField(_("running since"), null=True)
    due_at = models.DateTimeField(_("due"), null=True)
    warn_at = models.DateTimeField(_("warning"), null=True)
    warned_at = models.DateTimeField(_("warned"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome.choices, default="", blank=True)
    spoiled_by = models.CharField(_("missed by"), max_length=10, choices=Cause.choices, default="", blank=True)

    personal = PersonalData(of="ticket", withheld="how the tenant leads its work", is_purged=True)

    objects = TicketClockQuerySet.as_manager()

    class Meta:
        verbose_name = _("clock of a ticket")
        verbose_name_plural = _("clocks of tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ticket", "metric", "number"], name="support_ticketclock_of_ticket"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(running_since=None) & ~Q(outcome=""), name="support_ticketclock_ended"
            ),
            models.CheckConstraint(
                condition=Q(running_since=None) | Q(target__isnull=False, policy_version__isnull=False),
                name="support_ticketclock_runs_for_a_target",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "calendar_version"],
                condition=Q(ended_at=None, outcome=""),
                name="support_clocks_of_calendar",
            ),
            # What the dashboard counts.
            models.Index(
                fields=["tenant", "decided_at"],
                include=["metric", "outcome"],
                condition=Q(decided_at__isnull=False),
                name="support_clocks_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.number}"
