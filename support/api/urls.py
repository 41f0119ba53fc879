from django.urls import path

from support.api.agent.actions import CALLS, AgentActionViewSet
from support.api.agent.views import AgentTicketViewSet
from support.api.customer.views import CustomerTicketViewSet
from support.api.messaging.changes_views import OwnChangesViewSet, TenantChangesViewSet
from support.api.messaging.conversation_views import ConversationViewSet, ParticipantsViewSet
from support.api.messaging.message_views import MessageViewSet, ReadStatusViewSet
from support.settings.views import CustomerSettingsViewSet, PortalSettingsViewSet

QUEUE = "messaging/support/tickets"
urlpatterns = [
    path(
        "customer/support/tickets",
        CustomerTicketViewSet.as_view({"get": "list", "post": "create"}),
        name="customer-tickets",
    ),
    path(
        "customer/support/tickets/<str:ticket_id>",
        CustomerTicketViewSet.as_view({"get": "retrieve"}),
        name="customer-ticket",
    ),
    path(
        "customer/support/tickets/<str:ticket_id>/close",
        CustomerTicketViewSet.as_view({"post": "close"}),
        name="customer-ticket-close",
    ),
    path(
        "customer/delivery/portal-settings",
        CustomerSettingsViewSet.as_view({"get": "retrieve"}),
        name="customer-portal-settings",
    ),
    path(
        "delivery/customer-portal/settings",
        PortalSettingsViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="portal-settings",
    ),
    path("customer/support/summary", CustomerTicketViewSet.as_view({"get": "summary"}), name="customer-summary"),
    path("messaging/conversations", ConversationViewSet.as_view({"get": "list"}), name="conversations"),
    path(
        "messaging/conversations/<str:conversation_id>",
        ConversationViewSet.as_view({"get": "retrieve"}),
        name="conversation",
    ),
    path(
        "messaging/conversations/<str:conversation_id>/participants",
        ParticipantsViewSet.as_view({"put": "update"}),
        name="conversation-participants",
    ),
    path(
        "messaging/conversations/<str:conversation_id>/messages",
        MessageViewSet.as_view({"get": "list", "post": "create"}),
        name="conversation-messages",
    ),
    path(
        "messaging/conversations/<str:conversation_id>/read-status",
        ReadStatusViewSet.as_view({"put": "update"}),
        name="conversation-read-status",
    ),
    path("messaging/changes", OwnChangesViewSet.as_view({"get": "list"}), name="changes"),
    path("integrations/changes", TenantChangesViewSet.as_view({"get": "list"}), name="tenant-changes"),
    path(QUEUE, AgentTicketViewSet.as_view({"get": "list"}), name="queue"),
    path(f"{QUEUE}/next", AgentTicketViewSet.as_view({"post": "next"}), name="queue-next"),
    path(f"{QUEUE}/<str:ticket_id>", AgentTicketViewSet.as_view({"get": "retrieve"}), name="queue-ticket"),
    path(f"{QUEUE}/<str:ticket_id>/notes", AgentTicketViewSet.as_view({"get": "notes"}), name="queue-notes"),
    path(f"{QUEUE}/<str:ticket_id>/events", AgentTicketViewSet.as_view({"get": "events"}), name="queue-events"),
    *(
        path(f"{QUEUE}/<str:ticket_id>/{word}", AgentActionViewSet.as_view({"post": name}), name=f"queue-{word}")
        for word, name in CALLS.items()
    ),
]
