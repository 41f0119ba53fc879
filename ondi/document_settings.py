"""What drf-spectacular is told of the OpenAPI document; a part of `ondi/settings.py`."""

from ondi.version import VERSION

SPECTACULAR_SETTINGS = {
    "TITLE": "OnDi Support",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": "Support tickets and their chats, for portals, agents' tools and integrations.\n\n"
    "Every answer is an envelope: `success`, a `message` for people, and `data`; or `error`, a stable code for "
    "programs. "
    "Enumerations may grow: show what you do not know as it stands. "
    "Unknown query parameters and body fields are ignored. Every answer names the release in `X-OnDi-Version`.",
    "SERVERS": [{"url": "/", "description": "Where this document comes from."}],
    "TAGS": [
        {"name": "auth", "description": "Signing in and out."},
        {"name": "users", "description": "Who one is."},
        {"name": "customer", "description": "A customer's own tickets, and what their portal allows."},
        {"name": "messaging", "description": "Conversations and their messages; the agents' queue."},
        {"name": "delivery", "description": "Portal settings, for admins of the tenant."},
        {"name": "integrations", "description": "The platform's orders and deliveries, with an API key."},
        {
            "name": "webhooks",
            "description": "Programs of the tenant that are called when something happens, for its admins.",
        },
        {"name": "health", "description": "For load balancers."},
    ],
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_SUFFIX": "",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "Priority": "support.vocabulary.Priority",
        "MessageType": "conversations.models.MessageType",
        "SendableMessageType": "support.api.messaging.serializers.SENDABLE",
        "TicketSource": "support.vocabulary.TicketSource",
        "CustomerTicketSource": "support.api.serializers.CUSTOMER_SOURCES",
        "TicketStatus": "support.vocabulary.TicketStatus",
        "ConversationStatus": "conversations.models.Conversation.Status",
        "OrderStatus": "orders.models.OrderStatus",
        "DeliveryStatus": "deliveries.models.DeliveryStatus",
        "PaymentStatus": "orders.models.PaymentStatus",
        "WaitingOn": "support.vocabulary.WaitingOn",
        "ConversationType": "conversations.models.Conversation.Kind",
        "ParticipantRole": "conversations.models.Participant.Role",
        "SenderRole": "conversations.models.SenderRole",
        "Role": "ondi.accounts.roles.Role",
        "NotificationType": "support.notices.NAMES",
        "NotificationWhen": "ondi.notifications.types.WHENS",
        "WebhookState": "ondi.webhooks.api.data.STATES",
        "WebhookDeliveryState": "ondi.webhooks.models.WebhookDelivery.State",
        "AttachmentState": "ondi.files.api.data.STATES",
        "AttachmentReason": "ondi.files.models.Reason",
        "AttachmentType": "ondi.files.api.data.TYPES",
        "Language": "ondi.tenants.models.Language",
        "ParticipantAction": "support.api.serializers.ACTIONS",
        "FieldFaultCode": "ondi.api.schema.FAULT_CODES",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "ondi.api.schema.complete"],
}
