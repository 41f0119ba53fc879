"""The admin's first page: the dashboard, a home for who sees no tickets, and what a fresh tenant has yet to set up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import ApiKey, Membership
from ondi.accounts.own_settings import hide_first_steps
from ondi.accounts.roles import Role
from ondi.staff.entry import Staff, staff_at
from ondi.tenants.models import PortalSettings, Tenant
from support.admin.dashboard import dashboard
from support.models import CannedReply, Policy, Tag

FRESH_FOR = timedelta(days=30)
ADMINS_NAMED = 5


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows to this person; unfold calls this."""
    staff = staff_at(request)
    shown = {**dashboard(request, context), "first_steps": first_steps(staff)}
    return shown if staff.support_tenant_ids else {**shown, **_home(staff)}


def _home(staff: Staff) -> dict[str, Any]:
    """Of who sees no tickets: what they may do, and who could change that."""
    return {
        "title": _("Start"),
        "home_tenants": [actor.tenant.name for actor in staff.actors],
        "is_manager": bool(staff.managed_tenant_ids),
        "own_pages": [reverse("admin:accounts_membership_change", args=[key]) for key in staff.membership_ids],
        "admins": _admins(staff),
    }


def _admins(staff: Staff) -> Any:
    admins = Membership.objects.in_tenants(staff.tenant_ids).active().filter(role=Role.ADMIN)
    others = admins.exclude(id__in=staff.membership_ids).order_by("last_name", "first_name", "id")
    return others[:ADMINS_NAMED]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to set up. `is_done`: a condition on the tenant. `link`: where to do it; None: not theirs to do."""

    label: Any
    is_done: Callable[[UUID], Exists]
    link: Callable[[Staff, UUID], str | None]


def _any(model: type[Model], **fitting: Any) -> Callable[[UUID], Exists]:
    return lambda tenant_id: Exists(model._default_manager.filter(tenant_id=tenant_id, **fitting))


def _page(name: str, query: str = "") -> Callable[[Staff, UUID], str | None]:
    return lambda _staff, _tenant_id: reverse(f"admin:{name}") + query


def _page_of_support(name: str) -> Callable[[Staff, UUID], str | None]:
    return lambda staff, tenant_id: reverse(f"admin:{name}") if tenant_id in staff.working_tenant_ids else None


def _settings_are_set(tenant_id: UUID) -> Exists:
    return Exists(PortalSettings.objects.filter(~Q(values={}), tenant_id=tenant_id))


STEPS = (
    Step(_("Say what customers may do in the portal"), _settings_are_set,
         lambda _staff, tenant_id: reverse("admin:tenants_portalsettings_change", args=[tenant_id])),
    Step(_("Invite the people who answer tickets"), _any(Membership, is_support_user=True, ended_at=None),
         _page("accounts_membership_add", "?role=agent&is_support_user=1")),
    Step(_("Issue an API key for the shop's own system"), _any(ApiKey, revoked_at=None), _page("accounts_apikey_add")),
    Step(_("Promise answer times (a calendar and a policy)"), _any(Policy), _page("support_policy_changelist")),
    Step(_("Add tags to sort tickets by"), _any(Tag), _page_of_support("support_tag_add")),
    Step(_("Write the first canned reply"), _any(CannedReply), _page_of_support("support_cannedreply_add")),
)  # fmt: skip


def first_steps(staff: Staff) -> list[dict[str, Any]]:
    """For who manages one fresh tenant: each step, where to do it, and whether it is done; nothing once all are, or
    once they want to see it no more."""
    if staff.user.hides_first_steps or staff.is_operator or len(staff.managed_tenant_ids) != 1:
        return []
    steps = list(_steps(staff, staff.managed_tenant_ids[0]))
    return [] if all(step["is_done"] for step in steps) else steps


def hide_steps(request: HttpRequest) -> HttpResponse:
    """For this person alone."""
    if request.method == "POST":
        hide_first_steps(user=staff_at(request).user)
    return redirect("admin:index")


def _steps(staff: Staff, tenant_id: UUID) -> Iterator[dict[str, Any]]:
    fresh: Any = Tenant.objects.filter(id=tenant_id, created_at__gt=timezone.now() - FRESH_FOR)
    done = fresh.values_list(*(step.is_done(tenant_id) for step in STEPS)).first()
    for step, is_done in zip(STEPS, done or (), strict=False):
        yield {"label": step.label, "link": step.link(staff, tenant_id), "is_done": is_done}
