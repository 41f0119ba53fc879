"""Messages of a conversation: read, say, mark as read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.errors import ConversationNotFound, MessageNotFound, NotAParticipant
from conversations.models import Message, Participant
from conversations.policies import takes_part
from conversations.querysets import MESSAGE_FIELDS, MessageRow
from conversations.reads import earlier_messages, find_readable, find_sequence, later_messages, newest_messages
from conversations.services import mark_read
from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.api.idempotency import idempotent
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, body_or_refusal, path_id
from ondi.common.errors import InvalidInput
from ondi.files.api.data import attachments_of
from ondi.files.links import FileReader
from support.api.messaging import message_docs as docs
from support.api.messaging.message_data import messages_data
from support.api.messaging.parameters import requested_range, required_id
from support.api.messaging.serializers import PostMessageBody
from support.services import post_message

BESIDE = {"after": later_messages, "before": earlier_messages}


class MessageViewSet(ApiViewSet):
    queryset = Message.objects.none()

    @docs.list_messages
    def list(self, request: Request, conversation_id: str) -> Response:
        actor = actor_of(request)
        conversation = _readable(actor, conversation_id)
        beside = next((name for name in BESIDE if name in request.query_params), None)
        if beside:
            data, read = self._beside(beside, request, actor, conversation)
        else:
            data, read = self._page(request, actor, conversation)
        if request.method == "GET":
            _mark_read(actor, conversation, read)
        return success(_("Messages retrieved"), data)

    def _page(self, request: Request, actor: Actor, conversation: Any) -> tuple[dict[str, Any], int]:
        page = requested_page(request.query_params)
        between = requested_range(request.query_params)
        if between:
            messages = Message.objects.visible_to(actor).filter(conversation_id=conversation.id)
            messages = messages.filter(created_at__gte=between[0], created_at__lt=between[1])
            rows, total = page.rows(messages.order_by("-sequence").rows()), messages.count()
        else:
            rows = newest_messages(actor, conversation.id, start=page.start, limit=page.limit)
            total = conversation.message_count
        shown = messages_data(rows, actor, short=_sees_short_names(actor, conversation), here=address_of(request))
        return {"messages": shown, "pagination": page.describe(total)}, rows[0].sequence if rows else 0

    def _beside(self, name: str, request: Request, actor: Actor, conversation: Any) -> tuple[dict[str, Any], int]:
        """What came after, or stood before, the message of this parameter."""
        parameters = request.query_params
        others = {"page", "timestamp_range", *BESIDE} - {name}
        if clashing := {other: ["not_allowed"] for other in sorted(others) if other in parameters}:
            raise InvalidInput(clashing)
        limit = requested_page(parameters).limit
        message = required_id(parameters, name)
        sequence, read = _sequence(actor, conversation, message), BESIDE[name]
        is_last = sequence == (conversation.message_count if name == "after" else 1)
        rows = [] if is_last else read(actor, conversation.id, message, limit=limit + 1)
        short = _sees_short_names(actor, conversation)
        shown = messages_data(rows[:limit], actor, short=short, here=address_of(request))
        return {"messages": shown, "has_more": len(rows) > limit}, max((one["sequence"] for one in shown), default=0)

    @docs.post_message
    @idempotent(
        lambda request, _kept, conversation_id: _posting_refused(actor_of(request), conversation_id)(),
        again=lambda request, kept, **_path: _with_files_as_they_are(request, kept),
    )
    def create(self, request: Request, conversation_id: str) -> Response:
        actor, wanted = actor_of(request), path_id(conversation_id)
        body = body_or_refusal(PostMessageBody, request, _posting_refused(actor, conversation_id))
        message = post_message(
            actor=actor, conversation_id=wanted, content=body["content"], attachment_ids=body.get("attachment_ids", ()),
        )  # fmt: skip
        short = not actor.is_support_user or message.sender_role == Participant.Role.CUSTOMER
        (shown,) = messages_data([_as_row(message, actor)], actor, short=short, here=address_of(request))
        return success(_("Message sent"), {"message": shown}, status=201)


class ReadStatusViewSet(ApiViewSet):
    queryset = Participant.objects.none()

    @docs.mark_read
    def update(self, request: Request, conversation_id: str) -> Response:
        actor = actor_of(request)
        conversation = _readable(actor, conversation_id)
        if not _takes_part(actor, conversation):
            raise NotAParticipant
        sequence = _sequence(actor, conversation, required_id(request.query_params, "message_id"))
        _mark_read(actor, conversation, sequence)
        read = max(sequence, conversation.part__last_read_sequence)
        return success(_("Read status updated"), {"unread_count": conversation.message_count - read})


def _as_row(message: Message, sender: Actor) -> Any:
    """A row of `rows()`, of a message this person has just sent."""
    own = [getattr(message, name) for name in MESSAGE_FIELDS if not name.startswith("sender__")]
    return MessageRow._make([*own, sender.user_id, sender.first_name, sender.last_name, None])


def _with_files_as_they_are(request: Request, kept: dict[str, Any]) -> dict[str, Any]:
    """An answer that was kept names links that are over, and what files were then."""
    key, number = UUID(kept["message"]["id"]), len(kept["message"]["attachments"])
    actor, here = actor_of(request), address_of(request)
    files = attachments_of(actor.tenant_ids, {key: number}, reader=FileReader.of(actor), here=here)
    return {"message": {**kept["message"], "attachments": files[key]}}


def _readable(actor: Actor, conversation_id: str) -> Any:
    found = find_readable(actor, path_id(conversation_id))
    if found is None:
        raise ConversationNotFound
    return found


def _sequence(actor: Actor, conversation: Any, message_id: UUID) -> int:
    sequence = find_sequence(actor, conversation.id, message_id)
    if sequence is None:
        raise MessageNotFound
    return sequence


def _mark_read(actor: Actor, conversation: Any, sequence: int) -> None:
    """They have read up to there; asks nothing of the database where that is no news and nothing told of it."""
    is_news = _takes_part(actor, conversation) and sequence > conversation.part__last_read_sequence
    if actor.membership_id and (is_news or conversation.is_told):
        mark_read(
            tenant_id=actor.tenant_id,
            membership_id=actor.membership_id,
            conversation_id=conversation.id,
            sequence=sequence,
        )


def _takes_part(actor: Actor, conversation: Any) -> bool:
    return takes_part(actor, role=conversation.part__role, left_at=conversation.part__left_at)


def _sees_short_names(actor: Actor, conversation: Any) -> bool:
    return not actor.support_tenant_ids or conversation.part__role == Participant.Role.CUSTOMER


def _posting_refused(actor: Actor, conversation_id: str) -> Callable[[], None]:
    def refuse() -> None:
        if not _takes_part(actor, _readable(actor, conversation_id)):
            raise NotAParticipant

    return refuse
