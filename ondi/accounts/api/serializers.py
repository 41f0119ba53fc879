"""Bodies and answers of signing in."""

from typing import Any

from rest_framework import serializers

from ondi.accounts.actors import Actor
from ondi.accounts.links import LONGEST_LINK
from ondi.accounts.roles import Role
from ondi.accounts.sessions import Session
from ondi.api.fields import StringField

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


class CustomerTokenBody(serializers.Serializer[Any]):
    customer_external_id = StringField(max_length=200)


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
