from django.urls import path

from conversations.api.views import MessageViewSet, ReadStatusViewSet

urlpatterns = [
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
]
