"""What the OpenAPI document says of webhooks."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, documented
from ondi.common.errors import InvalidInput, PermissionDenied
from ondi.webhooks.api.data import (
    NewSubscriptionData,
    ReplayBody,
    SubscriptionBody,
    SubscriptionChanges,
    SubscriptionData,
    WebhookDeliveryData,
)
from ondi.webhooks.errors import SubscriptionLimitReached, SubscriptionNotFound
from ondi.webhooks.models import WebhookDelivery

AT = "webhooks/subscriptions"
ONE = AT + "/<str:subscription_id>"
SUBSCRIPTION = {
    "id": "0197f0a0-0000-7000-8000-000000000051",
    "webhook_url": "https://platform.example/hooks/support",
    "module_id": "SUPPORT",
    "events": ["delivery.changed", "notification.due"],
    "description": "The platform",
    "is_active": True,
    "secret_header_name": "X-Platform-Key",
    "state": "active",
    "failing_since": None,
    "disabled_reason": None,
    "last_success_at": "2026-11-23T09:34:00.000000Z",
    "created_at": "2026-11-20T08:00:00.000000Z",
}
NEW = {**SUBSCRIPTION, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
DELIVERY = {
    "id": "0197f0a0-0000-7000-8000-000000000052",
    "event": "delivery.changed",
    "position": 1204,
    "ticket_id": None,
    "state": "waiting",
    "attempts": [{"at": "2026-11-23T09:34:00.000000Z", "status": 500, "milliseconds": 84, "error": "refused"}],
    "next_at": "2026-11-23T09:34:05.000000Z",
    "created_at": "2026-11-23T09:33:59.000000Z",
}
WANTED = {
    "webhook_url": SUBSCRIPTION["webhook_url"],
    "module_id": "SUPPORT",
    "events": SUBSCRIPTION["events"],
    "description": "The platform",
    "secret_header_name": "X-Platform-Key",
    "secret_header_value": "k3y",
}
FOR_ADMINS = [*TOKENS, PermissionDenied()]
OF_ONE = [*FOR_ADMINS, SubscriptionNotFound()]
BAD_URL = InvalidInput({"webhook_url": ["not_allowed"]})

list_subscriptions = documented(
    f"GET {AT}",
    "listWebhooks",
    "Which programs are called",
    description="For admins. The oldest first.",
    message="Webhooks retrieved",
    parameters=PAGE_PARAMETERS,
    data={"subscriptions": SubscriptionData(many=True), "pagination": PaginationData()},
    example={"subscriptions": [SUBSCRIPTION], "pagination": PAGINATION_EXAMPLE},
    refusals=FOR_ADMINS,
)
create_subscription = documented(
    f"POST {AT}",
    "createWebhook",
    "Have a program called",
    description="At most 20 a tenant. Calls are signed as Standard Webhooks describes; the secret is shown here and "
    "never again. Where the address leads is judged each time it is called.",
    message="Webhook created",
    body=SubscriptionBody,
    body_examples={"The platform": WANTED},
    status=201,
    data={"subscription": NewSubscriptionData()},
    example={"subscription": NEW},
    refusals=[*FOR_ADMINS, BAD_URL, SubscriptionLimitReached()],
    idempotent=True,
)
subscription = documented(
    f"GET {ONE}",
    "getWebhook",
    "One webhook",
    description="`failing`: the last call had no success; `disabled`: it answered 410, or no call succeeded for five "
    "days.",
    message="Webhook retrieved",
    data={"subscription": SubscriptionData()},
    example={"subscription": SUBSCRIPTION},
    refusals=OF_ONE,
)
change_subscription = documented(
    f"PATCH {ONE}",
    "changeWebhook",
    "Change a webhook",
    description="What is left out stays; a null header goes. "
    "`is_active: true` revives one that was disabled; what waited for it is sent.",
    message="Webhook updated",
    body=SubscriptionChanges,
    body_examples={"Pause it": {"is_active": False}},
    data={"subscription": SubscriptionData()},
    example={"subscription": SUBSCRIPTION},
    refusals=[*OF_ONE, BAD_URL],
)
delete_subscription = documented(
    f"DELETE {ONE}",
    "deleteWebhook",
    "Delete a webhook",
    description="With what was sent to it and what came back.",
    message="Webhook deleted",
    data={},
    example={},
    refusals=OF_ONE,
)
rotate_secret = documented(
    f"POST {ONE}/rotate-secret",
    "rotateWebhookSecret",
    "Change the secret",
    description="The one until now signs beside the new one for 24 hours.",
    message="Secret rotated",
    data={"subscription": NewSubscriptionData()},
    example={"subscription": NEW},
    refusals=OF_ONE,
    idempotent=True,
)
test_subscription = documented(
    f"POST {ONE}/test",
    "testWebhook",
    "Call it for a test",
    description="Sends `webhook.test` once, soon, whether it is active or not. What came back stands in its delivery.",
    message="The test is on its way",
    status=202,
    data={"delivery": WebhookDeliveryData()},
    example={"delivery": {**DELIVERY, "event": "webhook.test", "position": None, "ticket_id": None, "attempts": []}},
    refusals=OF_ONE,
    idempotent=True,
)
list_deliveries = documented(
    f"GET {ONE}/deliveries",
    "listWebhookDeliveries",
    "What was sent, and what came back",
    description="The newest first, of 30 days; their calls of 14.",
    message="Deliveries retrieved",
    parameters=[
        *PAGE_PARAMETERS,
        OpenApiParameter(
            "state", {"type": "string", "enum": list(WebhookDelivery.State.values)}, description="Only these."
        ),
        OpenApiParameter("event", str, description="Only of this kind."),
    ],
    data={"deliveries": WebhookDeliveryData(many=True), "pagination": PaginationData()},
    example={"deliveries": [DELIVERY], "pagination": PAGINATION_EXAMPLE},
    refusals=[*OF_ONE, InvalidInput({"state": ["invalid_choice"]})],
)
replay_delivery = documented(
    f"POST {AT}/deliveries/<str:webhook_delivery_id>/replay",
    "replayWebhookDelivery",
    "Send one again",
    description="Whatever came of it; with the same `webhook-id`.",
    message="It is sent again",
    status=202,
    data={"delivery": WebhookDeliveryData()},
    example={"delivery": DELIVERY},
    refusals=FOR_ADMINS,
)
replay_deliveries = documented(
    f"POST {ONE}/replay",
    "replayWebhook",
    "Send many again",
    description="All that happened since a moment, also what it was not told of then; or all that were given up.",
    message="They are sent again",
    body=ReplayBody,
    body_examples={"Since": {"since": "2026-11-23T00:00:00Z"}, "Given up": {"state": "dead"}},
    status=202,
    data={"replayed": serializers.IntegerField(min_value=0)},
    example={"replayed": 12},
    refusals=OF_ONE,
)
