"""Portal settings: what customers may see, and what admins may change."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.accounts.models import Membership
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body
from ondi.files.services import room_of
from support.settings import docs
from support.settings.portal import Portal
from support.settings.serializers import ATTACHMENTS, SettingsBody, from_sections, in_sections
from support.settings.services import managing_refusal, update_portal_settings


class CustomerSettingsViewSet(ApiViewSet):
    @docs.customer_settings
    def retrieve(self, request: Request) -> Response:
        shown = in_sections(Portal.of(actor_of(request)), for_customers=True)
        return success(_("Settings retrieved"), {**shown, "attachments": ATTACHMENTS})


class MayManageSettings(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if refusal := managing_refusal(actor_of(request)):
            raise refusal
        return True


class PortalSettingsViewSet(ApiViewSet):
    permission_classes = (IsAuthenticated, MayManageSettings)

    @docs.portal_settings
    def retrieve(self, request: Request) -> Response:
        actor = actor_of(request)
        return success(_("Settings retrieved"), _settings_data(actor, Portal.of(actor)))

    @docs.update_portal_settings
    def update(self, request: Request) -> Response:
        actor = actor_of(request)
        body = valid_body(SettingsBody, request)
        portal = update_portal_settings(
            actor=actor,
            changes=from_sections(body),
            support_user_ids=body.get("support_ticket_settings", {}).get("support_user_ids"),
            confirmed=body.get("confirm", False),
        )
        return success(_("Settings updated"), _settings_data(actor, portal))


def _settings_data(actor: Actor, portal: Portal) -> dict[str, Any]:
    staff = Membership.objects.visible_to(actor).active().staff().order_by("first_name", "last_name", "id")
    people = [({"id": str(member.user_id), "name": str(member)}, member.is_support_user) for member in staff]
    support_users = [person for person, support_users_only in people if support_users_only]
    values = in_sections(portal)
    values["support_ticket_settings"] |= {
        "support_user_ids": [person["id"] for person in support_users],
        "support_users": support_users,
    }
    room = room_of(actor.tenant_id)
    values["file_settings"] = {"quota_bytes": room.quota_bytes, "used_bytes": room.used_bytes}
    return {"options": {"support_users": [person for person, _support_users_of in people]}, "values": values}
