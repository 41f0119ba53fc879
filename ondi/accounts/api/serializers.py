"""Bodies and answers of signing in."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ondi.accounts.actors import Actor
from ondi.accounts.links import LONGEST_LINK
from ondi.accounts.roles import Role
from ondi.accounts.sessions import Session
from ondi.api.fields import IdField, StringField
from ondi.common.text import is_storable
from ondi.tenants.models import Language, Priority

LONGEST_PASSWORD = 1024


class LoginBody(serializers.Serializer[Any]):
    email = StringField(max_length=254)
    password = StringField(max_length=LONGEST_PASSWORD)
    tenant = StringField(
        max_length=63, required=False, help_text="The tenant's slug; needed by people of several tenants."
    )


class RefreshBody(serializers.Serializer[Any]):
    refresh_token = StringField(max_length=4096)


class PasswordBody(serializers.Serializer[Any]):
    current_password = StringField(max_length=LONGEST_PASSWORD)
    new_password = StringField(max_length=LONGEST_PASSWORD)


class ForgottenBody(serializers.Serializer[Any]):
    email = StringField(max_length=254)
    tenant = StringField(
        max_length=63, required=False, help_text="The tenant's slug: also for its people without a password."
    )


class ResetBody(serializers.Serializer[Any]):
    token = StringField(max_length=LONGEST_LINK)
    new_password = StringField(max_length=LONGEST_PASSWORD)


class TenantData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class TenantsToChooseData(serializers.Serializer[Any]):
    tenants = TenantData(many=True)


class UserData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField(allow_null=True)
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    is_support_user = serializers.BooleanField()
    tenant = TenantData()


def session_data(session: Session) -> dict[str, Any]:
    user = user_data(session.actor)
    return {
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "token_type": "Bearer",
        "expires_in": session.expires_in,
        "user": user,
        "tenant": user["tenant"],
    }


def user_data(actor: Actor) -> dict[str, Any]:
    return {
        "id": str(actor.user_id),
        "email": actor.email,
        "first_name": actor.first_name,
        "last_name": actor.last_name,
        "role": actor.role,
        "is_support_user": actor.is_support_user,
        "tenant": {"id": str(actor.tenant.id), "slug": actor.tenant.slug, "name": actor.tenant.name},
    }


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`, and no words for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class AcknowledgementField(serializers.Field[Any, Any, Any, Any]):
    """HTML by language code; an empty text removes one."""

    default_error_messages = {"invalid": "invalid", "max_length": "too long"}
    LONGEST_AS_SENT = 64_000

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or set(data) - set(Language.values):
            self.fail("invalid")
        for html in data.values():
            if not isinstance(html, str) or not is_storable(html):
                self.fail("invalid")
            if len(html) > self.LONGEST_AS_SENT:
                self.fail("max_length")
        return data


class TicketSettingsBody(serializers.Serializer[Any]):
    allow_customer_close = StrictBooleanField(required=False)
    max_customer_priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    acknowledgement_html = AcknowledgementField(required=False)
    support_user_ids = serializers.ListField(child=IdField(), required=False, max_length=1000)


class ChatBody(serializers.Serializer[Any]):
    support_chat_enabled = StrictBooleanField(required=False)


class VisibilityBody(serializers.Serializer[Any]):
    chat = ChatBody(required=False)


class SettingsBody(serializers.Serializer[Any]):
    """The shape of `values`; what is left out stays."""

    support_ticket_settings = TicketSettingsBody(required=False)
    visibility_settings = VisibilityBody(required=False)
    confirm = StrictBooleanField(
        required=False, help_text="Needed to take the last support user off: nobody would answer then."
    )


class NamedUser(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class CustomerTicketSettings(serializers.Serializer[Any]):
    allow_customer_close = serializers.BooleanField()
    max_customer_priority = serializers.ChoiceField(choices=Priority.choices)


class TicketSettings(CustomerTicketSettings):
    acknowledgement_html = serializers.DictField(child=serializers.CharField())
    support_user_ids = serializers.ListField(child=serializers.UUIDField())
    support_users = NamedUser(many=True)


class ChatSettings(serializers.Serializer[Any]):
    support_chat_enabled = serializers.BooleanField()


class VisibilitySettings(serializers.Serializer[Any]):
    chat = ChatSettings()


class SettingsOptions(serializers.Serializer[Any]):
    support_users = NamedUser(many=True)


class SettingsValues(serializers.Serializer[Any]):
    support_ticket_settings = TicketSettings()
    visibility_settings = VisibilitySettings()
