"""What the OpenAPI document says of conversations and who takes part."""

from drf_spectacular.utils import OpenApiParameter

from conversations.errors import ConversationClosed, ConversationNotFound
from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, Telling, component, documented
from ondi.common.errors import InvalidInput, PermissionDenied
from support.api.customer.docs import CUSTOMER, TICKET
from support.api.serializers import FullConversationData, NobodyChangedData, ParticipantResultData, ParticipantsBody

AGENT_ID = "0197f0a0-0000-7000-8000-000000000003"
CONVERSATION = {
    **TICKET["conversation"],
    "type": "support",
    "ticket_id": TICKET["id"],
    "created_at": TICKET["created_at"],
    "participants": [
        {
            "user": {"id": CUSTOMER["id"], "name": CUSTOMER["name"]},
            "role": "customer",
            "joined_at": TICKET["created_at"],
            "left_at": None,
        }
    ],
}

NOBODY_CHANGED = Telling(
    InvalidInput({"user_ids": ["invalid"]}), NobodyChangedData, name="ChangeParticipantsValidationError"
)

list_conversations = documented(
    "GET messaging/conversations",
    "listConversations",
    "List the conversations I take part in",
    description="The one with the newest message first.",
    message="Conversations retrieved",
    parameters=[
        *PAGE_PARAMETERS,
        OpenApiParameter("type", component("ConversationType")),
        OpenApiParameter("status", component("ConversationStatus")),
    ],
    data={"conversations": FullConversationData(many=True), "pagination": PaginationData()},
    example={"conversations": [CONVERSATION], "pagination": PAGINATION_EXAMPLE},
    refusals=TOKENS,
)
retrieve_conversation = documented(
    "GET messaging/conversations/<str:conversation_id>",
    "getConversation",
    "Read one conversation",
    description="Open to the ticket's customer and to the tenant's support users.",
    message="Conversation retrieved",
    data={"conversation": FullConversationData()},
    example={"conversation": CONVERSATION},
    refusals=[*TOKENS, ConversationNotFound()],
)
change_participants = documented(
    "PUT messaging/conversations/<str:conversation_id>/participants",
    "changeParticipants",
    "Add, remove or update participants",
    message="Participants updated",
    description="By the assigned agent, and by leads and admins who are support users. Only support users of the "
    "tenant can be added; the customer is never removed. 207 where some changes failed, 400 where all did.",
    body=ParticipantsBody,
    body_examples={"Add a colleague": {"action": "add", "user_ids": [AGENT_ID], "role": "member"}},
    data={"results": ParticipantResultData(many=True)},
    example={"results": [{"user_id": AGENT_ID, "status": "added", "error": None}]},
    also=[207],
    refusals=[*TOKENS, PermissionDenied(), ConversationNotFound(), ConversationClosed(), NOBODY_CHANGED],
)
