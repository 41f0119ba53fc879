"""Webhooks as the API takes and shows them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from ondi.api.fields import InstantField, PlainTextField, StringField
from ondi.common.errors import InvalidInput
from ondi.common.times import iso
from ondi.webhooks.models import (
    LONGEST_DESCRIPTION,
    LONGEST_HEADER_NAME,
    LONGEST_URL,
    Attempt,
    Endpoint,
    WebhookDelivery,
)
from ondi.webhooks.services import known_events

MODULE = "SUPPORT"
STATES = [(state, state) for state in ("active", "paused", "failing", "disabled")]
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = re.compile(r"host|content-.*|transfer-encoding|connection|cookie|webhook-.*", re.IGNORECASE)
_VISIBLE = re.compile(r"[!-~]+")
_COLUMNS = {"webhook_url": "url", "secret_header_name": "header_name", "secret_header_value": "header_value"}


class HeaderNameField(StringField):
    default_error_messages = {"not_allowed": "not allowed"}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if not _TOKEN.fullmatch(name):
            self.fail("invalid")
        if _OURS.fullmatch(name):
            self.fail("not_allowed")
        return name


class HeaderValueField(StringField):
    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not _VISIBLE.fullmatch(value):
            self.fail("invalid")
        return value


class SubscriptionBody(serializers.Serializer[Any]):
    webhook_url = StringField(
        max_length=LONGEST_URL, help_text="https, port 443 or 8443; no credentials, no fragment, nothing private."
    )
    module_id = serializers.ChoiceField(choices=[(MODULE, MODULE)], required=False)
    events = serializers.ListField(
        child=StringField(max_length=40), allow_empty=False, max_length=100, help_text="Kinds, or `*` for all."
    )
    description = PlainTextField(max_length=LONGEST_DESCRIPTION, required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    secret_header_name = HeaderNameField(max_length=LONGEST_HEADER_NAME, required=False, allow_null=True)
    secret_header_value = HeaderValueField(
        max_length=1_024, required=False, allow_null=True, help_text="Visible ASCII. Never shown again."
    )


class SubscriptionChanges(SubscriptionBody):
    """The same with nothing that must be there."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


def values_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the service names it."""
    values = {_COLUMNS.get(name, name): value for name, value in body.items() if name != "module_id"}
    if "description" in values:
        values["description"] = values["description"] or ""
    return values


class ReplayBody(serializers.Serializer[Any]):
    """Exactly one of these two."""

    since = InstantField(required=False, help_text="All that happened since then, within 30 days.")
    state = serializers.ChoiceField(choices=[("dead", "dead")], required=False, help_text="All that were given up.")

    def validate(self, body: Any) -> Any:
        if not body:
            raise serializers.ValidationError({"since": "required"}, code="required")
        if len(body) > 1:
            raise serializers.ValidationError({"state": "not_allowed"}, code="not_allowed")
        return body


class SubscriptionData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    webhook_url = serializers.CharField()
    module_id = serializers.ChoiceField(choices=[(MODULE, MODULE)])
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_blank=True)
    is_active = serializers.BooleanField()
    secret_header_name = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)
    failing_since = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.ChoiceField(choices=Endpoint.Disabled.choices, allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewSubscriptionData(SubscriptionData):
    secret = serializers.CharField(allow_null=True, help_text="`whsec_…`, here and never again.")


class WebhookAttemptData(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    milliseconds = serializers.IntegerField(min_value=0)
    error = serializers.CharField(allow_null=True)


class WebhookDeliveryData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    event = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    ticket_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices)
    attempts = WebhookAttemptData(many=True)
    next_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


def subscription_data(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": str(endpoint.id),
        "webhook_url": endpoint.url,
        "module_id": MODULE,
        "events": endpoint.events,
        "description": endpoint.description,
        "is_active": endpoint.is_active,
        "secret_header_name": endpoint.header_name or None,
        "state": endpoint.state,
        "failing_since": iso(endpoint.failing_since),
        "disabled_reason": endpoint.disabled_reason or None,
        "last_success_at": iso(endpoint.last_success_at),
        "created_at": iso(endpoint.created_at),
    }


def deliveries_data(deliveries: Sequence[WebhookDelivery]) -> list[dict[str, Any]]:
    """One statement for their calls, none where there is nothing to show."""
    calls: dict[Any, list[Attempt]] = {one.id: [] for one in deliveries}
    if deliveries:
        for attempt in Attempt.objects.in_tenants([deliveries[0].tenant_id]).of(list(calls)):
            calls[attempt.delivery_id].append(attempt)
    return [_delivery_data(one, calls[one.id]) for one in deliveries]


def _delivery_data(delivery: WebhookDelivery, calls: Sequence[Attempt]) -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "event": delivery.kind,
        "position": delivery.position,
        "ticket_id": delivery.ticket_id and str(delivery.ticket_id),
        "state": delivery.state,
        "attempts": [
            {"at": iso(one.at), "status": one.status, "milliseconds": one.milliseconds, "error": one.error or None}
            for one in calls
        ],
        "next_at": iso(delivery.next_at),
        "created_at": iso(delivery.created_at),
    }


def wanted_of_deliveries(parameters: QueryDict) -> dict[str, str]:
    """`state` and `event`, where they say something. Raises `InvalidInput`."""
    wanted, choices = {}, {"state": WebhookDelivery.State.values, "event": known_events()}
    for name, known in choices.items():
        given = parameters.getlist(name)
        if given and given != [""]:
            if len(given) > 1 or given[0] not in known:
                raise InvalidInput({name: ["invalid_choice" if len(given) == 1 else "invalid"]})
            wanted["kind" if name == "event" else name] = given[0]
    return wanted
