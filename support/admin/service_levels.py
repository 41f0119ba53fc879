"""Screens of what is promised: calendars with their exceptions, and policies."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from deliveries.models import DeliveryStatus
from ondi.common.errors import FIELD_MESSAGES, InvalidInput
from ondi.staff.admin_base import ScopedAdmin
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from ondi.staff.once import SentBefore, sent_once
from ondi.tenants.models import validate_time_zone
from support.admin.hours_text import read_exceptions, read_windows, write_exceptions, write_windows
from support.errors import CalendarNotFound
from support.holidays import countries, proposed_holidays
from support.models import Calendar, CalendarVersion, Policy, PolicyVersion, Tag, TicketClock
from support.services.promises import close_on, policy_version, save_calendar, save_policy, touched_tickets
from support.vocabulary import ItemKind, Metric, Priority, TicketSource

DAY_FIELDS = [f"day_{number}" for number in range(7)]
OFFICE = "09:00-17:00"
SHOWN = 20  # tickets that a change would touch
COUNTED = 1_000
LTR = {"dir": "ltr", "autocomplete": "off"}


def _day_field(number: int) -> forms.CharField:
    return forms.CharField(
        label=WEEKDAYS[number], required=False, initial=OFFICE if number < 5 else "", max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs=LTR),
    )  # fmt: skip


class CalendarForm(RowForm):
    """The hours of a week, and the days that differ."""

    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"), validators=[validate_time_zone], max_length=64,
        help_text=gettext_lazy("As Asia/Baghdad."), widget=UnfoldAdminTextInputWidget(attrs=LTR),
    )  # fmt: skip
    exceptions = forms.CharField(
        label=gettext_lazy("Days that differ"), required=False,
        help_text=gettext_lazy("A line each: “2026-12-25 closed Christmas” or “2026-12-24 09:00-12:00”."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, **LTR}),
    )  # fmt: skip

    class Meta:
        model = Calendar
        fields = ("tenant", "name")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        newest = None if self.instance._state.adding else self.instance.versions.order_by("-number").first()
        if newest is not None:
            days = zip(DAY_FIELDS, newest.days, strict=True)
            self.initial.update({name: write_windows(day) for name, day in days})
            self.initial.update(time_zone=newest.time_zone, exceptions=write_exceptions(newest.exceptions))

    def clean_exceptions(self) -> dict[str, Any]:
        return read_exceptions(self.cleaned_data["exceptions"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        days: list[list[list[int]]] = []
        for name in DAY_FIELDS:
            try:
                days.append(read_windows(cleaned.get(name, "")))
            except forms.ValidationError as fault:
                self.add_error(name, fault)
        if len(days) == len(DAY_FIELDS) and not any(days):
            self.add_error(DAY_FIELDS[0], _("A calendar is open on one day of the week at least."))
        return {**cleaned, "days": days}


for _number, _name in enumerate(DAY_FIELDS):
    CalendarForm.base_fields[_name] = CalendarForm.declared_fields[_name] = _day_field(_number)


class CountryForm(forms.Form):
    """Whose public holidays are asked for."""

    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=countries, widget=UnfoldAdminSelectWidget)


class PromiseAdmin(ScopedAdmin):
    """For those who manage the tenant."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids


@admin.register(Calendar)
class CalendarAdmin(PromiseAdmin):
    """Saving makes a version; what runs goes on by the one it began with."""

    entries = (Entry(Section.PEOPLE, 42, "calendar_month"),)
    form = CalendarForm
    list_display = ("name", "tenant")
    list_select_related = ("tenant",)
    fields = ("tenant", "name", "time_zone", *DAY_FIELDS, "exceptions")
    change_form_outer_after_template = "support/calendar_year.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.running = TicketClock.objects.in_tenants([row.tenant_id]).under_former_versions(row).exists()
        return row

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.year_view)
        return [path("<uuid:calendar_id>/year/", page, name="support_calendar_year"), *super().get_urls()]

    def year_view(self, request: HttpRequest, calendar_id: UUID) -> HttpResponse:
        """The days of a year that differ, with their weekday; public holidays are proposed, and closed once chosen."""
        row = self.get_object(request, str(calendar_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(calendar_id))
        asked = request.GET.get("year", "")
        year = int(asked) if asked.isascii() and asked.isdigit() and 1900 < int(asked) < 2199 else timezone.now().year
        newest: CalendarVersion = row.versions.order_by("-number").first()
        form = CountryForm(request.GET if "country" in request.GET else None)
        proposed = proposed_holidays(form.cleaned_data["country"], year) if form.is_bound and form.is_valid() else {}
        proposed = {day: name for day, name in proposed.items() if day.isoformat() not in newest.exceptions}
        if request.method == "POST":
            chosen = {day: name for day, name in proposed.items() if day.isoformat() in request.POST.getlist("day")}
            return self._close_on(request, row, chosen)
        days = [
            (date.fromisoformat(day), write_windows(one["windows"]), one["name"])
            for day, one in newest.exceptions.items()
            if day.startswith(f"{year}-")
        ]
        context = {
            **self.admin_site.each_context(request), "title": f"{row.name}: {year}", "calendar": row, "days": days,
            "year": year, "before": year - 1, "after": year + 1, "form": form, "proposed": proposed.items(),
            "opts": self.opts,
        }  # fmt: skip
        return TemplateResponse(request, "support/calendar_year_page.html", context)

    def _close_on(self, request: HttpRequest, row: Calendar, days: Mapping[date, str]) -> HttpResponse:
        try:
            with sent_once(request, tenant_id=row.tenant_id, said={"days": sorted(map(str, days))}) as sending:
                close_on(actor=staff_at(request).actor_in(row.tenant_id), calendar_id=row.id, days=days)
                sending.location = request.get_full_path()
        except SentBefore as before:
            return before.answer(request)
        except InvalidInput:
            messages.error(request, _("A calendar has at most 500 days that differ."))
        else:
            closed = ngettext("%(number)s day is closed.", "%(number)s days are closed.", len(days))
            messages.success(request, closed % {"number": len(days)})
        return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        said = form.cleaned_data
        saved = save_calendar(
            actor=staff_at(request).actor_in(obj.tenant_id), calendar_id=obj.pk if change else None, name=said["name"],
            time_zone=said["time_zone"], days=said["days"], exceptions=said["exceptions"],
        )  # fmt: skip
        obj.pk = saved.pk
        if change and TicketClock.objects.in_tenants([obj.tenant_id]).under_former_versions(saved).exists():
            messages.info(request, _("What runs already goes on by the hours it began with."))


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
    "never_due": gettext_lazy("By this calendar that would be more than five years ahead."),
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
    seen = forms.BooleanField(
        label=gettext_lazy("I have seen which open tickets this touches"), required=False, widget=forms.HiddenInput
    )

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
                self.add_error(name, str(SENTENCES.get(codes[0], FIELD_MESSAGES.get(codes[0], ""))))
            return cleaned
        except CalendarNotFound as refusal:  # another tenant's than was chosen
            self.add_error("calendar", str(refusal))
            return cleaned
        cleaned["version"] = version
        if not cleaned["seen"]:
            self._ask(tenant.id, version)
        return cleaned

    def _ask(self, tenant_id: UUID, version: PolicyVersion) -> None:
        """Whether what it touches is meant, where it touches anything: told by number, and asked for a tick."""
        policy = Policy(id=self.instance.id, tenant_id=tenant_id, position=self.cleaned_data["position"],
                        is_active=self.cleaned_data["is_active"])  # fmt: skip
        actor = self.staff.actor_in(tenant_id)
        touched = touched_tickets(actor=actor, policy=policy, version=version, at=timezone.now())
        number = touched.capped_count(COUNTED)
        if not number:
            return
        shown = ", ".join(f"#{one.number}" for one in touched.order_by("number")[:SHOWN])
        counted = f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"
        told = ngettext(
            "This changes what is promised for %(number)s open ticket: %(shown)s.",
            "This changes what is promised for %(number)s open tickets: %(shown)s.", number,
        ) % {"number": counted, "shown": f"{shown} …" if number > SHOWN else shown}  # fmt: skip
        self.fields["seen"].widget = UnfoldBooleanSwitchWidget()
        self.add_error("seen", f"{told} {_('Tick this and save again if it is meant.')}")


@admin.register(Policy)
class PolicyAdmin(PromiseAdmin):
    """Saving makes a version; open tickets are gone through by the work process."""

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
