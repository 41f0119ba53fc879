"""The base of every admin screen: scoped to the staff member's tenants, read-only unless it says otherwise."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import ForeignKey, Model, QuerySet
from django.forms import CharField
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm, refuse_what_shows_nothing
from ondi.staff.paginator import BoundedPaginator


class ScopedAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Rows of the tenants `visible_in` names; changeable in those `changeable_in` names.

    Rights come from memberships, so neither Django's permissions nor its groups are asked.
    """

    form: Any = RowForm
    tenant_field = "tenant_id"
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return ()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Whoever serves one tenant need not read its name in every row."""
        columns = super().get_list_display(request)
        one_tenant = len(staff_at(request).tenant_ids) == 1
        return [column for column in columns if not (one_tenant and column == "tenant")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(**{f"{self.tenant_field}__in": self.visible_in(staff_at(request))})

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Django's answer, noted: the row may be another tenant's."""
        request.row_not_found = True  # type: ignore[attr-defined]
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[no-any-return]

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
                options["initial"] = next(iter(mine))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Text that shows nothing is refused, as the API refuses it."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, CharField):
            field.validators.append(refuse_what_shows_nothing)
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
