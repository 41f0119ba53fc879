"""Screens for tenants and people (for access: `access.py`). They stand here because those apps lie below the site."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Case, EmailField, Model, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts.models import Membership, User
from ondi.accounts.querysets import MembershipQuerySet, normalize_email
from ondi.accounts.roles import Role
from ondi.accounts.second_factor import forget_second_factor
from ondi.accounts.services import add_member, disable_login, update_member
from ondi.common.errors import PermissionDenied
from ondi.common.text import shows_nothing
from ondi.files.services import Room, room_at
from ondi.notifications.addresses import BOUNCED, COMPLAINED, REFUSED, forget, suppression_of
from ondi.staff import access, webhooks  # noqa: F401 - their screens, which are looked for here
from ondi.staff.admin_base import ReadOnlyAdmin, ScopedAdmin
from ondi.staff.entry import Staff, staff_at
from ondi.staff.invitations import invite
from ondi.staff.navigation import Entry, Section
from ondi.tenants.models import Tenant

INVITED_AT_ONCE = 20

admin.site.unregister(Group)  # rights follow the role in the tenant
admin.site.unregister([TOTPDevice, StaticDevice])  # their secrets are nobody's to read


@admin.register(Tenant)
class TenantAdmin(ScopedAdmin):
    """Tenants are made with `manage.py create_tenant`, which gives them their settings and first admin."""

    about = _("The business itself: its name, language and time zone.")
    entries = (Entry(Section.PEOPLE, 40, "storefront"),)
    is_one_per_tenant = True
    tenant_field = "id"
    list_display = ("name", "slug", "status", "language", "time_zone", "created_at")
    list_filter = ("status",)
    search_fields = ("name__folded", "slug__folded")
    readonly_fields = ("slug", "room_for_files", "created_at")

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.tenant_ids if staff.is_operator else ()

    @admin.display(description=_("files"))
    def room_for_files(self, tenant: Tenant) -> Room:
        return room_at(tenant, tenant.id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A person. What they sign in with is theirs: their e-mail is a field until they do."""

    class Meta:
        model = Membership
        fields = (
            "tenant",
            "email",
            "first_name",
            "last_name",
            "phone",
            "language",
            "external_id",
            "role",
            "is_support_user",
            "is_view_only",
            "ended_at",
        )
        help_texts = {
            "role": _(
                "Agents work on tickets. Leads also hand on what is their colleagues' and remove messages. "
                "Admins manage people, settings and keys."
            ),
            "is_support_user": _("Sees tickets and answers them, whatever the role."),
            "external_id": _("What the shop's own system calls this person."),
        }

    def clean_external_id(self) -> str | None:
        return self.cleaned_data["external_id"] or None

    def clean_email(self) -> str | None:
        return normalize_email(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        """A new person needs an e-mail; an e-mail and an external id are one person's of a tenant."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        email, external_id = cleaned.get("email"), cleaned.get("external_id")
        if self.instance._state.adding and "email" not in self.errors and email is None:
            self.add_error("email", _("A new person needs an e-mail."))
        tenant = cleaned.get("tenant", getattr(self.instance, "tenant", None))
        others = Membership.objects.filter(tenant=tenant).exclude(pk=self.instance.pk)
        if email and others.filter(Q(email=email) | Q(user__email=email)).exists():
            self.add_error("email", _("This person belongs to this tenant already."))
        if external_id and others.filter(external_id=external_id).exists():
            self.add_error("external_id", _("Another person of this tenant has this external id."))
        return cleaned


class PeopleFilter(admin.SimpleListFilter):
    title, parameter_name = _("people"), "people"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("customers", _("Customers")), ("staff", _("Staff"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, MembershipQuerySet)
        if self.value() == "customers":
            return queryset.customers()
        return queryset.staff() if self.value() == "staff" else queryset


WHY_STOPPED = {
    BOUNCED: _("Mails to this address are stopped: they came back."),
    COMPLAINED: _("Mails to this address are stopped: its reader reported one as unwanted."),
    REFUSED: _("Mails to this address are stopped: its mail server refused it."),
}


def mails_stopped(member: Membership, *, may_change: bool) -> str:
    """That mails to somebody's address are stopped, why and since when, as HTML; empty where they go."""
    found = suppression_of(tenant_id=member.tenant_id, address=member.email)
    if found is None:
        return ""
    why = WHY_STOPPED.get(found.reason, WHY_STOPPED[BOUNCED])
    said = {"why": why, "since": found.created_at, "member": member, "may_change": may_change}
    return render_to_string("staff/mails_stopped.html", said)


def _unlisted(request: HttpRequest) -> Q:
    """Customers of tenants whose tickets this person does not see."""
    return Q(role=Role.CUSTOMER) & ~Q(tenant_id__in=staff_at(request).support_tenant_ids)


def _knows_customers(staff: Staff) -> bool:
    return bool(staff.support_tenant_ids or staff.managed_tenant_ids)


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    part_params = (PeopleFilter.parameter_name,)
    about = _("Colleagues are invited here. Customers come with their orders, or by a call.")
    entries = (
        Entry(
            Section.SHOP, 5, "group", "?people=customers", _("Customers"),
            _("The people who buy and ask, with their orders and tickets."),
            is_daily=True, is_for=_knows_customers, holds=lambda member: member.role == Role.CUSTOMER,
        ),
        Entry(
            Section.PEOPLE, 20, "badge", "?people=staff", _("Staff"), _("Colleagues, and what each of them may do."),
            holds=lambda member: member.role != Role.CUSTOMER,
        ),
    )  # fmt: skip
    form = MemberForm
    list_display = ("full_name", "address", "role", "is_support_user", "is_view_only", "tenant", "ended_at")
    list_filter = (PeopleFilter, "role", "is_support_user")
    list_select_related = ("tenant",)
    actions = ("invite_again",)
    search_fields = ("last_name",)  # so that there is a search box; `get_search_results` says what it does
    ordering = ("role", "last_name", "first_name", "id")

    change_form_outer_after_template = "staff/beside_form.html"

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def get_urls(self) -> list[Any]:
        mail_again, invite_now = map(self.admin_site.admin_view, (self.mail_again_view, self.invite_view))
        own = [
            path("<uuid:membership_id>/mail-again/", mail_again, name="accounts_membership_mail_again"),
            path("<uuid:membership_id>/invite/", invite_now, name="accounts_membership_invite"),
        ]
        return [*own, *super().get_urls()]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From the list of the staff somebody is added who answers tickets."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if "people=staff" in request.GET.get("_changelist_filters", ""):
            return {"role": Role.AGENT, "is_support_user": True, **initial}
        return initial

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        return super().add_view(request, form_url, {"title": _("Add and invite"), **(extra_context or {})})

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Who they are and what they may; what is rarely known of somebody new is folded away."""
        if obj is not None:
            return super().get_fieldsets(request, obj)
        return [
            (None, {"fields": ("tenant", "first_name", "last_name", "email", "language")}),
            (_("Rights"), {"fields": ("role", "is_support_user", "is_view_only")}),
            (_("More"), {"classes": ("collapse",), "fields": ("phone", "external_id")}),
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        member = super().get_object(request, object_id, from_field)
        if member is not None:
            may_change = self.has_change_permission(request, member)
            member.mails_stopped = SimpleLazyObject(lambda: mails_stopped(member, may_change=may_change))
        return member

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By name, e-mail, phone number and external id, as on the page for who is on the phone.

        Whose address is not listed is not found by it either, nor by the number, nor by a guest's id, which holds it.
        """
        if shows_nothing(search_term):
            return queryset, False
        found = queryset.called(search_term)
        own_id = Case(When(external_id__startswith="guest ", then=Value("")), default="external_id")
        names = Concat("first_name", Value(" "), "last_name", Value(" "), own_id, output_field=TextField())
        by_name = Q()
        for word in search_term.split():
            by_name &= Q(names__folded=word)
        found = found.annotate(names=names)
        return found.filter(~_unlisted(request) | by_name), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Customers are seen by those who work on their tickets or manage the people.

        Their addresses are listed, searched and sorted by for the former alone; the latter have each on its page.
        """
        seen = ~_unlisted(request) | Q(tenant_id__in=staff_at(request).managed_tenant_ids)
        shown = Case(When(_unlisted(request), then=Value(None)), default="email", output_field=EmailField())
        people: QuerySet[Any] = super().get_queryset(request).filter(seen).annotate(address=shown)
        return people

    @admin.display(description=_("e-mail"), ordering="address")
    def address(self, member: Membership) -> str | None:
        return member.address  # type: ignore[attr-defined,no-any-return]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        person = list(MemberForm.Meta.fields)
        if obj is None:
            return person[:-1]
        stopped = ["mails_stopped"] if obj.mails_stopped else []  # type: ignore[attr-defined]
        return [*person, "email_is_proved", *stopped]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if not isinstance(obj, Membership):
            return fields
        fields = (*fields, "email_is_proved", "mails_stopped")
        return fields if obj.waits else (*fields, "email")

    def get_actions(self, request: HttpRequest) -> Any:
        """Inviting is for those who manage the people."""
        return super().get_actions(request) if staff_at(request).managed_tenant_ids else {}

    @admin.action(description=_("New invitation for selected people"))
    def invite_again(self, request: HttpRequest, members: QuerySet[Membership]) -> None:
        managed = members.in_tenants(staff_at(request).managed_tenant_ids)  # type: ignore[attr-defined]
        for member in managed.select_related("user", "tenant")[:INVITED_AT_ONCE]:
            self.message_user(request, invite(request, member), messages.WARNING)

    @admin.display(description=_("name"), ordering="last_name")
    def full_name(self, member: Membership) -> str:
        return str(member)

    @admin.display(description=_("e-mail is proved"), boolean=True)
    def email_is_proved(self, member: Membership) -> bool:
        return member.email_is_proved

    @admin.display(description=_("mails"))
    def mails_stopped(self, member: Membership) -> str:
        return str(member.mails_stopped)  # type: ignore[attr-defined]

    def mail_again_view(self, request: HttpRequest, membership_id: UUID) -> HttpResponse:
        """Send mails to this person's address again."""
        member = self.get_object(request, str(membership_id))
        if member is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(membership_id))
        if request.method == "POST" and not self.has_change_permission(request, member):
            messages.error(request, str(PermissionDenied()))
        elif request.method == "POST" and forget(tenant_id=member.tenant_id, address=member.email or ""):
            self.log_change(request, member, "Mails are sent again.")
            messages.success(request, _("Mails are sent again."))
        return redirect("admin:accounts_membership_change", membership_id)

    def invite_view(self, request: HttpRequest, membership_id: UUID) -> HttpResponse:
        """A new link for somebody who waits; the ones before it open nothing any more."""
        member = self.get_object(request, str(membership_id))
        if member is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(membership_id))
        if request.method == "POST" and self.has_change_permission(request, member):
            self.message_user(request, invite(request, member), messages.WARNING)
        elif request.method == "POST":
            messages.error(request, str(PermissionDenied()))
        return redirect("admin:accounts_membership_change", membership_id)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Through the services: somebody who loses the support role gives their tickets back."""
        assert isinstance(obj, Membership)
        values = {name: form.cleaned_data[name] for name in MemberForm.Meta.fields if name in form.cleaned_data}
        if change:
            update_member(membership=obj, **{name: values[name] for name in form.changed_data if name in values})
            return
        tenant = values.pop("tenant")
        member = add_member(tenant_id=tenant.id, **values)
        obj.pk, obj.user = member.pk, member.user
        self.message_user(request, invite(request, member), messages.WARNING)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Logins belong to no tenant: for the platform operator, who may switch one off."""

    about = _("What people of all tenants sign in with. A login can be switched off here.")
    entries = (Entry(Section.RECORDS, 50, "login"),)
    list_display = ("email", "is_active", "is_superuser", "email_proved_at", "last_login", "created_at")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email__folded",)
    ordering = ("email", "id")
    fields = ("email", "is_active", "is_superuser", "email_proved_at", "last_login", "created_at")
    actions = ("forget_second_factor",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """All of them: nobody but the operator opens this screen."""
        return User.objects.all()

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        staff = getattr(request, "staff", None)
        return staff is not None and staff.is_operator

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("email", "is_superuser", "email_proved_at", "last_login", "created_at")

    @admin.action(description=_("Forget the second factor of selected people"))
    def forget_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For somebody whose phone and backup codes are lost: they set up a new one when they sign in."""
        for user in users:
            forget_second_factor(user=user)
        self.message_user(request, _("They set up a new one at their next sign-in."), messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Through the service: somebody who is switched off is signed out and gives their tickets back."""
        assert isinstance(obj, User)
        if obj.is_active:
            obj.save(update_fields=["is_active"])
        else:
            disable_login(user=obj)
