"""Screens for access: sessions, changes of the portal's settings, and API keys."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from ondi.accounts.api_keys import issue_api_key, revoke_api_key
from ondi.accounts.models import ApiKey, Membership, RefreshFamily, Scope, SettingsChange, first_scopes
from ondi.staff.admin_base import ReadOnlyAdmin, ScopedAdmin
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section


class AccessAdmin(ReadOnlyAdmin):
    """Keys and sessions: for those who manage the tenant."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(AccessAdmin):
    """Whose session it is goes by name: an address is not everybody's to read who manages the tenant."""

    entries = (Entry(Section.RECORDS, 60, "devices"),)
    list_display = ("person", "tenant", "created_at", "issued_at", "expires_at", "revoked_at")
    list_select_related = ("tenant",)
    fields = ("tenant", "person", "created_at", "issued_at", "expires_at", "revoked_at")
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        people = Membership.objects.filter(tenant_id=OuterRef("tenant_id"), user_id=OuterRef("user_id"))
        name = people.annotate(name=Concat("first_name", Value(" "), "last_name")).values("name")
        sessions: QuerySet[Any] = super().get_queryset(request).annotate(person=Subquery(name[:1]))
        return sessions

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "person"]

    @admin.display(description=_("person"), ordering="person")
    def person(self, family: RefreshFamily) -> str:
        return (family.person or "").strip() or str(_("Unnamed"))  # type: ignore[attr-defined]


@admin.register(SettingsChange)
class SettingsChangeAdmin(AccessAdmin):
    entries = (Entry(Section.RECORDS, 70, "manage_history"),)
    list_display = ("created_at", "actor", "__str__", "tenant")
    list_select_related = ("actor", "tenant")
    ordering = ("-created_at", "-id")


class ApiKeyForm(RowForm):
    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=Scope.choices, initial=first_scopes, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = ApiKey
        fields = ("tenant", "name", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Issue a key (its text is shown once) and revoke it."""

    entries = (Entry(Section.PEOPLE, 50, "key"),)
    form = ApiKeyForm
    list_display = ("name", "prefix", "opens", "tenant", "created_at", "expires_at", "revoked_at")
    list_select_related = ("tenant",)
    ordering = ("-created_at", "-id")
    actions = ("revoke",)

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return ("tenant", "name", "scopes", "expires_at")
        return ("tenant", "name", "prefix", "opens", "created_by", "created_at", "expires_at", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "opens"]

    @admin.display(description=_("may"))
    def opens(self, key: ApiKey) -> str:
        return "; ".join(str(Scope(scope).label) if scope in Scope.values else scope for scope in key.scopes)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A key is issued and revoked, never edited."""
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        values = form.cleaned_data
        actor = staff_at(request).actor_in(values["tenant"].id)
        key, text = issue_api_key(
            tenant_id=values["tenant"].id,
            name=values["name"],
            scopes=values["scopes"],
            expires_at=values["expires_at"],
            created_by_id=actor.membership_id,
        )
        obj.pk = key.pk
        shown = _("The key, shown only now: %(key)s") % {"key": text}
        self.message_user(request, shown, messages.WARNING)

    @admin.action(description=_("Revoke selected keys"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys:
            revoke_api_key(key=key)
        self.message_user(request, _("Revoked."), messages.SUCCESS)
