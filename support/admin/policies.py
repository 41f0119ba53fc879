"""The screens of policies: what is promised, and for which tickets."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from deliveries.models import DeliveryStatus
from ondi.common.errors import FIELD_MESSAGES, InvalidInput
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from support.admin.promises import PromiseAdmin, ask_whether_seen, seen_field
from support.errors import CalendarNotFound
from support.models import Calendar, Policy, PolicyVersion, Tag
from support.services.promises import MOST_POLICIES, policy_version, save_policy, touched_tickets
from support.vocabulary import ItemKind, Metric, Priority, TicketSource


def _several(label: Any, choices: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, choices=choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


def _target(metric: Metric) -> forms.IntegerField:
    return forms.IntegerField(
        label=metric.label, required=False, help_text=gettext_lazy("Minutes of open hours. Empty: no promise."),
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip


LATENESS = [
    ("", gettext_lazy("any")), ("true", gettext_lazy("late")), ("false", gettext_lazy("not late")),
]  # fmt: skip
SENTENCES = {
    "not_allowed": gettext_lazy("By this calendar that would be more than five years ahead."),
    "max_value": gettext_lazy("At most a year of open hours, 527040 minutes."),
    "min_value": gettext_lazy("At least one minute."),
    "required": gettext_lazy("Promise at least one of the three."),
}


class PolicyForm(RowForm):
    """What is promised, for which tickets."""

    calendar = forms.ModelChoiceField(
        Calendar.objects.none(), label=gettext_lazy("Calendar"), widget=UnfoldAdminSelectWidget
    )
    priority = _several(gettext_lazy("Priority"), Priority.choices)
    source = _several(gettext_lazy("Source"), TicketSource.choices)
    item = _several(gettext_lazy("About"), ItemKind.choices)
    delivery_status = _several(gettext_lazy("State of the delivery"), DeliveryStatus.choices)
    is_late = forms.ChoiceField(
        label=gettext_lazy("Delivery"), choices=LATENESS, required=False, widget=UnfoldAdminSelectWidget
    )
    tag = forms.ModelMultipleChoiceField(
        Tag.objects.none(), label=gettext_lazy("Tags"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    store = forms.CharField(
        label=gettext_lazy("Stores"), required=False, help_text=gettext_lazy("A line each. Empty: all."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip
    first_response = _target(Metric.FIRST_RESPONSE)
    next_response = _target(Metric.NEXT_RESPONSE)
    resolution = _target(Metric.RESOLUTION)
    warn_percent = forms.IntegerField(
        label=gettext_lazy("Warn at, per cent of the time"), initial=80, widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("0: never."),
    )  # fmt: skip
    pauses_on_customer = forms.BooleanField(
        label=gettext_lazy("The resolution pauses while the customer is asked"), required=False, initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )  # fmt: skip
    pauses_while_snoozed = forms.BooleanField(
        label=gettext_lazy("All pause while the ticket is snoozed"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    seen = seen_field()

    class Meta:
        model = Policy
        fields = ("tenant", "name", "position", "is_active")

    staff: Staff  # of the request; set by the screen

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        tenants = [self.instance.tenant_id] if self.instance.tenant_id else self.staff.managed_tenant_ids
        if "calendar" not in self.fields:  # where one may only look
            return
        for name, model in (("calendar", Calendar), ("tag", Tag)):
            self.fields[name].queryset = model.objects.in_tenants(tenants).order_by("name")  # type: ignore[attr-defined]
        newest = None if self.instance._state.adding else self.instance.versions.order_by("-number").first()
        if newest is not None:
            self.initial.update(self._said_by(newest))

    @staticmethod
    def _said_by(version: PolicyVersion) -> dict[str, Any]:
        names = ("calendar", "warn_percent", "pauses_on_customer", "pauses_while_snoozed", *Metric.values)
        match: Mapping[str, Any] = version.match
        said = {name: getattr(version, name) for name in names} | dict(match)
        said["is_late"] = {True: "true", False: "false"}.get(match.get("is_late"), "")  # type: ignore[arg-type]
        return said | {"store": "\n".join(match.get("store", ()))}

    def match(self) -> dict[str, Any]:
        said = self.cleaned_data
        found: dict[str, Any] = {name: said[name] for name in ("priority", "source", "item", "delivery_status")}
        found["tag"] = sorted(str(one.id) for one in said["tag"])
        found["store"] = list(filter(None, (line.strip() for line in said["store"].splitlines())))
        found["is_late"] = {"true": True, "false": False}.get(said["is_late"])
        return found

    def clean(self) -> dict[str, Any]:
        """`version` is what the services take. Asks once whether the tickets it touches are meant."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant") or (None if self.instance._state.adding else self.instance.tenant)
        if self.errors or tenant is None:
            return cleaned
        if self.instance._state.adding and Policy.objects.in_tenants([tenant.id]).count() >= MOST_POLICIES:
            self.add_error(None, _("A tenant has at most 100 policies."))
            return cleaned
        actor, at = self.staff.actor_in(tenant.id), timezone.now()
        try:
            version = policy_version(
                actor=actor, calendar_id=cleaned["calendar"].id, match=self.match(),
                targets={metric: cleaned[metric.value] for metric in Metric}, warn_percent=cleaned["warn_percent"],
                pauses_on_customer=cleaned["pauses_on_customer"],
                pauses_while_snoozed=cleaned["pauses_while_snoozed"], at=at,
            )  # fmt: skip
        except InvalidInput as refusal:
            for name, codes in refusal.fields.items():
                self.add_error(name, str(SENTENCES.get(codes[0], FIELD_MESSAGES[codes[0]])))
            return cleaned
        except CalendarNotFound as refusal:  # another tenant's than was chosen
            self.add_error("calendar", str(refusal))
            return cleaned
        cleaned["version"] = version
        if not cleaned["seen"]:
            self._ask(tenant.id, version)
        return cleaned

    def _ask(self, tenant_id: UUID, version: PolicyVersion) -> None:
        """Whether what it touches is meant, where it touches anything: their number is said, and a tick asked for."""
        policy = Policy(id=self.instance.id, tenant_id=tenant_id, position=self.cleaned_data["position"],
                        is_active=self.cleaned_data["is_active"])  # fmt: skip
        actor = self.staff.actor_in(tenant_id)
        touched = touched_tickets(actor=actor, policy=policy, version=version, at=timezone.now())
        ask_whether_seen(self, touched, lambda number: ngettext(
            "This changes what is promised for %(number)s open ticket: %(shown)s.",
            "This changes what is promised for %(number)s open tickets: %(shown)s.", number,
        ))  # fmt: skip


@admin.register(Policy)
class PolicyAdmin(PromiseAdmin):
    """Saving makes a version; open tickets are gone through by the work process."""

    about = gettext_lazy("How quickly answers are promised, and for which tickets.")
    entries = (Entry(Section.PEOPLE, 44, "timer"),)
    form = PolicyForm
    list_display = ("position", "name", "is_active", "promise", "tenant")
    list_display_links = ("name",)
    list_select_related = ("tenant",)
    fieldsets = (
        (None, {"fields": ("tenant", "name", "position", "is_active", "calendar")}),
        (gettext_lazy("Promised"), {
            "fields": (*Metric.values, "warn_percent", "pauses_on_customer", "pauses_while_snoozed"),
        }),
        (gettext_lazy("For tickets that are"), {
            "fields": ("priority", "source", "item", "delivery_status", "is_late", "tag", "store"),
        }),
        (None, {"fields": ("seen",)}),
    )  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"staff": staff_at(request)})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what the newest version promises."""
        newest = PolicyVersion.objects.filter(tenant_id=OuterRef("tenant_id"), policy_id=OuterRef("pk"))
        promised = newest.order_by("-number").values(said=JSONObject(**{name: name for name in Metric.values}))
        policies: QuerySet[Any] = super().get_queryset(request)
        return policies.annotate(promised=Subquery(promised[:1]))  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("promised"))
    def promise(self, policy: Any) -> str:
        promised = ((metric.label, policy.promised[metric.value]) for metric in Metric)
        return ", ".join(f"{label} {minutes} min" for label, minutes in promised if minutes)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        save_policy(actor=staff_at(request).actor_in(obj.tenant_id), policy=obj, version=form.cleaned_data["version"])
