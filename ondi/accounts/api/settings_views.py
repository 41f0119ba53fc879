"""Portal settings: what customers may see, and what admins may change."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.api import settings_docs as docs
from ondi.accounts.api.serializers import SettingsBody
from ondi.accounts.authentication import actor_of
from ondi.accounts.models import Membership
from ondi.accounts.settings import managing_refusal, update_portal_settings
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body
from ondi.tenants.models import PortalSettings


class CustomerSettingsViewSet(ApiViewSet):
    @docs.customer_settings
    def retrieve(self, request: Request) -> Response:
        tenant = actor_of(request).tenant
        data = {
            "support_ticket_settings": {
                "allow_customer_close": tenant.allow_customer_close,
                "max_customer_priority": tenant.max_customer_priority,
            },
            "visibility_settings": {"chat": {"support_chat_enabled": tenant.support_chat_enabled}},
        }
        return success(_("Settings retrieved"), data)


class MayManageSettings(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if refusal := managing_refusal(actor_of(request)):
            raise refusal
        return True


class PortalSettingsViewSet(ApiViewSet):
    permission_classes = (IsAuthenticated, MayManageSettings)

    @docs.portal_settings
    def retrieve(self, request: Request) -> Response:
        return success(_("Settings retrieved"), _settings_data(actor_of(request)))

    @docs.update_portal_settings
    def update(self, request: Request) -> Response:
        actor = actor_of(request)
        body = valid_body(SettingsBody, request)
        tickets = dict(body.get("support_ticket_settings", {}))
        support_user_ids = tickets.pop("support_user_ids", None)
        chat = body.get("visibility_settings", {}).get("chat", {})
        update_portal_settings(
            actor=actor,
            changes={**tickets, **chat},
            support_user_ids=support_user_ids,
            confirmed=body.get("confirm", False),
        )
        return success(_("Settings updated"), _settings_data(actor))


def _settings_data(actor: Actor) -> dict[str, Any]:
    settings = PortalSettings.objects.get(tenant_id=actor.tenant_id)
    staff = Membership.objects.visible_to(actor).active().staff().order_by("first_name", "last_name", "id")
    people = [({"id": str(member.user_id), "name": str(member)}, member.is_support_user) for member in staff]
    support_users = [person for person, support_users_only in people if support_users_only]
    return {
        "options": {"support_users": [person for person, _support_users_of in people]},
        "values": {
            "support_ticket_settings": {
                "allow_customer_close": settings.allow_customer_close,
                "max_customer_priority": settings.max_customer_priority,
                "acknowledgement_html": settings.acknowledgement_html,
                "support_user_ids": [person["id"] for person in support_users],
                "support_users": support_users,
            },
            "visibility_settings": {"chat": {"support_chat_enabled": settings.support_chat_enabled}},
        },
    }
