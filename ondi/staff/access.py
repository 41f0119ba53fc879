"""Screens for access: sessions, changes of the portal's settings, and API keys."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from ondi.accounts.api_keys import OLD_KEY_VALID_FOR, issue_api_key, revoke_api_key, rotate_api_key
from ondi.accounts.errors import ApiKeyEnded
from ondi.accounts.models import ApiKey, Membership, RefreshFamily, Scope, SettingsChange, first_scopes
from ondi.common.errors import PermissionDenied
from ondi.staff.admin_base import ReadOnlyAdmin, ScopedAdmin
from ondi.staff.copying import told_once
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from ondi.staff.once import SentBefore, sent_once

OWN_DATE, NEVER = "own", "never"
VALID_FOR = (
    ("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), (OWN_DATE, _("until a date of your own")),
    (NEVER, _("without an end")),
)  # fmt: skip
SHOWN_ONCE = _("The key, shown only now: %(key)s")
LONGEST_OVERLAP = 30 * 24  # hours


class AccessAdmin(ReadOnlyAdmin):
    """Keys and sessions: for those who manage the tenant."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(AccessAdmin):
    """Whose session it is goes by name: an address is not everybody's to read who manages the tenant."""

    about = _("Who is signed in to the portal, and since when.")
    entries = (Entry(Section.RECORDS, 60, "devices"),)
    list_display = ("person", "tenant", "api_key", "created_at", "issued_at", "expires_at", "revoked_at")
    list_select_related = ("tenant", "api_key")
    fields = ("tenant", "person", "api_key", "created_at", "issued_at", "expires_at", "revoked_at")
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
    about = _("Each change of the settings: who made it, when, and what stood there before.")
    entries = (Entry(Section.RECORDS, 70, "manage_history"),)
    list_display = ("created_at", "actor", "__str__", "tenant")
    list_select_related = ("actor", "tenant")
    ordering = ("-created_at", "-id")


class ApiKeyForm(RowForm):
    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=Scope.choices, initial=first_scopes, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    valid_for = forms.ChoiceField(
        label=_("Valid for"), choices=VALID_FOR, initial="90", required=False, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = ApiKey
        fields = ("tenant", "name", "scopes", "valid_for", "expires_at")

    def clean(self) -> dict[str, Any]:
        """`expires_at` as it was chosen; without a choice it counts as it stands."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        chosen, date = said.get("valid_for", ""), said.get("expires_at")
        if chosen == OWN_DATE and date is None and "expires_at" not in self.errors:
            self.add_error("expires_at", _("Choose the date."))
        elif chosen not in ("", OWN_DATE) and date is not None:
            self.add_error("valid_for", _("Choose “until a date of your own”, or leave the date empty."))
        elif chosen.isdecimal():
            said["expires_at"] = timezone.now() + timedelta(days=int(chosen))
        return said


class RotationForm(forms.Form):
    hours = forms.IntegerField(
        label=_("The old key stays valid for so many hours"),
        min_value=0,
        max_value=LONGEST_OVERLAP,
        initial=OLD_KEY_VALID_FOR // timedelta(hours=1),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"dir": "ltr"}),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Issue a key (its text is shown once), put another in its place, and revoke it."""

    about = _("Keys with which your programs send orders and deliveries, and read tickets.")
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
            return ("tenant", "name", "scopes", "valid_for", "expires_at")
        key = ("tenant", "name", "prefix", "opens", "created_by", "created_at", "expires_at", "revoked_at")
        return (*key, "rotation") if isinstance(obj, ApiKey) and self._may_rotate(request, obj) else key

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "opens", "rotation"]

    @admin.display(description=_("may"))
    def opens(self, key: ApiKey) -> str:
        return "; ".join(str(Scope(scope).label) if scope in Scope.values else scope for scope in key.scopes)

    @admin.display(description=_("rotation"))
    def rotation(self, key: ApiKey) -> str:
        address = reverse("admin:accounts_apikey_rotate", args=[key.pk])
        return format_html('<a class="underline" href="{}">{}</a>', address, _("Rotate this key"))

    def _may_rotate(self, request: HttpRequest, key: ApiKey) -> bool:
        return key.opens_something and key.tenant_id in staff_at(request).managed_tenant_ids

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.rotate_view)
        return [path("<uuid:key_id>/rotate/", page, name="accounts_apikey_rotate"), *super().get_urls()]

    def rotate_view(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """A new key in place of this one, which stays valid for a while."""
        key = self.get_object(request, str(key_id))
        if key is None or not self._may_rotate(request, key):
            messages.error(request, str(ApiKeyEnded() if key and not key.opens_something else PermissionDenied()))
            return redirect("admin:accounts_apikey_changelist")
        form = RotationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                with sent_once(request, tenant_id=key.tenant_id, said=form.cleaned_data) as sending:
                    new, text = rotate_api_key(
                        key=key,
                        old_valid_for=timedelta(hours=form.cleaned_data["hours"]),
                        created_by_id=staff_at(request).actor_in(key.tenant_id).membership_id,
                    )
                    sending.location = reverse("admin:accounts_apikey_change", args=[new.pk])
            except SentBefore as before:
                return before.answer(request)
            self.message_user(request, told_once(str(SHOWN_ONCE), "%(key)s", text), messages.WARNING)
            return redirect(sending.location)
        context = {"title": _("Rotate this key"), "key": key, "form": form, **self.admin_site.each_context(request)}
        return render(request, "staff/rotate_key.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A key is issued, rotated and revoked, never edited."""
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
        self.message_user(request, told_once(str(SHOWN_ONCE), "%(key)s", text), messages.WARNING)

    @admin.action(description=_("Revoke selected keys"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys:
            revoke_api_key(key=key)
        self.message_user(request, _("Revoked."), messages.SUCCESS)
