"""The screens of calendars: the hours of a week, the days that differ, and public holidays that are proposed."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ondi.common.errors import InvalidInput
from ondi.staff.entry import staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from ondi.staff.once import SentBefore, sent_once
from ondi.tenants.models import validate_time_zone
from support.admin.hours_text import read_exceptions, read_windows, write_exceptions, write_windows
from support.admin.promises import PromiseAdmin, ask_whether_seen, seen_field
from support.holidays import countries, proposed_holidays
from support.models import Calendar, CalendarVersion, Ticket, TicketClock
from support.services.promises import close_on, save_calendar

DAY_FIELDS = [f"day_{number}" for number in range(7)]
OFFICE = "09:00-17:00"
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

    seen = seen_field()

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
        if not (self.errors or cleaned["seen"] or self.instance._state.adding) and set(self.changed_data) - {"name"}:
            self._ask()
        return {**cleaned, "days": days}

    def _ask(self) -> None:
        """Whether the tickets that run by it are meant, where there are any: they go on by the former hours."""
        clocks = TicketClock.objects.in_tenants([self.instance.tenant_id]).by_calendar(self.instance)
        tickets = Ticket.objects.in_tenants([self.instance.tenant_id]).filter(id__in=clocks.values("ticket_id"))
        ask_whether_seen(self, tickets, lambda number: ngettext(
            "%(number)s open ticket runs by this calendar: %(shown)s. It goes on by the hours it began with.",
            "%(number)s open tickets run by this calendar: %(shown)s. They go on by the hours they began with.", number,
        ))  # fmt: skip


for _number, _name in enumerate(DAY_FIELDS):
    CalendarForm.base_fields[_name] = CalendarForm.declared_fields[_name] = _day_field(_number)


class CountryForm(forms.Form):
    """Whose public holidays are asked for."""

    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=countries, widget=UnfoldAdminSelectWidget)


@admin.register(Calendar)
class CalendarAdmin(PromiseAdmin):
    """Saving makes a version; what runs goes on by the one it began with."""

    about = gettext_lazy("Open hours and holidays. Promised times count within them.")
    entries = (Entry(Section.PEOPLE, 42, "calendar_month"),)
    form = CalendarForm
    list_display = ("name", "tenant")
    list_select_related = ("tenant",)
    fields = ("tenant", "name", "time_zone", *DAY_FIELDS, "exceptions", "seen")
    change_form_outer_after_template = "support/calendar_year.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        staff = staff_at(request)
        return {"time_zone": str(staff.zone_in(*staff.managed_tenant_ids))}

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
