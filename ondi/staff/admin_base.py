"""The base of every admin screen: scoped to the staff member's tenants, read-only unless it says otherwise."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import DateTimeField, ForeignKey, Model, QuerySet
from django.forms import CharField, HiddenInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.timezone import localtime
from unfold.admin import ModelAdmin

from ondi.common.ids import parse_id
from ondi.common.times import in_words
from ondi.staff.entry import Staff, staff_at, use_zone_of
from ondi.staff.forms import RowForm, refuse_what_shows_nothing, within_calendar
from ondi.staff.navigation import Entry
from ondi.staff.once import FORM_ID, SentBefore, sent_once
from ondi.staff.paginator import BoundedPaginator


class _Unmoved(datetime):
    """A moment that Django shows as it stands, in UTC: the active zone has no such day."""

    convert_to_local_time = False


def _keep_in_calendar(row: Model) -> None:
    """Django's forms fail on a 9999-12-31 east of UTC; see `in_words`."""
    for field in row._meta.fields:
        value = getattr(row, field.attname)
        if not isinstance(value, datetime):
            continue
        try:
            localtime(value)
        except OverflowError:
            setattr(row, field.attname, _Unmoved.fromisoformat(value.isoformat()))


class ScopedAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Rows of the tenants `visible_in` names; changeable in those `changeable_in` names.

    Rights come from memberships, so neither Django's permissions nor its groups are asked. `entries`: its lines in
    the side bar. `about`: what its rows are and where they come from, said where there are none, and on the first page
    of who sees no tickets. `part_params`: parameters of the address that name a part of the list and are no filter.
    `is_one_per_tenant`: its rows have the keys of their tenants; who serves one tenant never sees a list.
    """

    entries: Sequence[Entry] = ()
    about: str | Promise = ""
    part_params: Sequence[str] = ()
    is_one_per_tenant = False
    form: Any = RowForm
    tenant_field = "tenant_id"
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True
    change_form_before_template = "staff/form_id.html"

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return ()

    def get_list_display(self, request: HttpRequest) -> Any:
        """The tenant stands in each row for who serves several, and in none for others. Times are the tenant's."""
        columns = list(super().get_list_display(request))
        staff = staff_at(request)
        if self._names_tenants(staff) and "tenant" not in columns:
            columns.append("tenant")
        times = {field.name: field for field in self.opts.fields if isinstance(field, DateTimeField)}
        return [
            self._moment_column(times[column], staff) if column in times else column
            for column in columns
            if not (len(staff.tenant_ids) == 1 and column == "tenant")
        ]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        linked = super().get_list_select_related(request)
        if self._names_tenants(staff_at(request)) and not isinstance(linked, bool):
            return (*linked, "tenant")
        return linked

    def _names_tenants(self, staff: Staff) -> bool:
        return len(staff.tenant_ids) > 1 and hasattr(self.model, "tenant")

    def _moment_column(self, field: Any, staff: Staff) -> Callable[[Model], str | None]:
        @admin.display(description=field.verbose_name, ordering=field.name)
        def moment(row: Model) -> str | None:
            value, tenant_id = getattr(row, field.name), getattr(row, self.tenant_field, None)
            zone = staff.zone_in(tenant_id) if tenant_id else None
            return in_words(value, zone=zone, named=not staff.shares_one_zone) if value else None

        moment.__name__ = field.name
        return moment

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of a page; what the page shows and takes are times of the row's tenant."""
        row = super().get_object(request, object_id, from_field)
        request.row_shown = row  # type: ignore[attr-defined]  # for the side bar
        if tenant_id := getattr(row, self.tenant_field, None):
            use_zone_of(request, tenant_id)
            _keep_in_calendar(row)
        return row

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        """A new row's times are those of the tenant chosen for it. The form makes one row, however often it is sent."""
        chosen = parse_id(request.POST.get("tenant"))
        if chosen is None or chosen not in staff_at(request).tenant_ids:
            return super().add_view(request, form_url, extra_context)
        use_zone_of(request, chosen)
        said = {name: values for name, values in request.POST.lists() if name not in ("csrfmiddlewaretoken", FORM_ID)}
        try:
            with sent_once(request, tenant_id=chosen, said=said) as sending:
                answer = super().add_view(request, form_url, extra_context)
                sending.location = answer.headers.get("Location", "")
        except SentBefore as before:
            return before.answer(request)
        return answer

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """A chosen id that is none is as one that nobody has."""
        chosen = [key for key in request.POST.getlist(ACTION_CHECKBOX_NAME) if parse_id(key)]
        posted: Any = request.POST.copy()
        posted.setlist(ACTION_CHECKBOX_NAME, chosen)
        request.POST = posted
        return super().response_action(request, queryset)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(**{f"{self.tenant_field}__in": self.visible_in(staff_at(request))})

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Django's answer, noted: the row may be another tenant's."""
        request.row_not_found = True  # type: ignore[attr-defined]
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[no-any-return]

    def response_post_save_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        if self.is_one_per_tenant and len(staff_at(request).tenant_ids) == 1:
            return redirect(request.path)
        return super().response_post_save_change(request, obj)  # type: ignore[no-any-return]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        staff = getattr(request, "staff", None)
        return staff is not None and self._holds(obj, self.visible_in(staff))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        staff = getattr(request, "staff", None)
        return staff is not None and self._holds(obj, self.changeable_in(staff))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any) -> Any:
        """Choices come from the tenants one may change, and from no other; a single one is chosen already."""
        if db_field.name == "tenant":
            mine = self.changeable_in(staff_at(request))
            options["queryset"] = db_field.remote_field.model._default_manager.filter(id__in=mine)
            if len(mine) == 1:
                options |= {"initial": next(iter(mine)), "widget": HiddenInput()}
        return super().formfield_for_foreignkey(db_field, request, **options)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Text that shows nothing is refused, as the API refuses it, and a day beyond the calendar."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, CharField):
            field.validators.append(refuse_what_shows_nothing)
        elif field is not None and isinstance(db_field, DateTimeField):
            field.validators.append(within_calendar)
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """A row never moves to another tenant."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "tenant") if obj is not None and self.tenant_field == "tenant_id" else fields

    def _holds(self, obj: Model | None, tenants: Collection[UUID]) -> bool:
        return bool(tenants) if obj is None else getattr(obj, self.tenant_field) in tenants


class ReadOnlyAdmin(ScopedAdmin):
    """A screen to look at. What changes these rows is a service, never a form."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [field.name for field in self.opts.fields]

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        raise AssertionError("these rows are written by services only")


class TicketDataAdmin(ReadOnlyAdmin):
    """Ticket data: open to support users of the tenant, and to the platform operator for reading."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.support_tenant_ids
