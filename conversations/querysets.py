"""Reads of conversations."""

from collections import namedtuple
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet

from ondi.accounts.actors import Actor
from ondi.common.compiled import AnyOf
from ondi.common.querysets import TenantQuerySet
from ondi.notifications.models import Notification

if TYPE_CHECKING:
    from conversations.models import Conversation, Message, Participant  # noqa: F401 - named in strings

MESSAGE_FIELDS = (
    "id", "conversation_id", "sequence", "sender_role", "message_type", "content", "event",
    "attachment_count", "created_at",
    "sender__user_id", "sender__first_name", "sender__last_name", "sender__erased_at",
)  # fmt: skip


MessageRow = namedtuple("MessageRow", MESSAGE_FIELDS)  # type: ignore[misc]


class ConversationQuerySet(TenantQuerySet["Conversation"]):
    def matching(self, term: str) -> "ConversationQuerySet":
        """What the search finds for this term, looked for at once: one function of the database for all doors.

        It reads the tenants from the scope, as row-level security does, and so sees no other's text.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT ondi_search_conversations(%s)::text", [term])
            found = (cursor.fetchone() or ["{}"])[0]
        return self.filter(AnyOf(F("id"), found))

    def readable_by(self, actor: Actor) -> QuerySet["Conversation", Any]:
        """Rows of what this person may read, with their own part, and whether something unread tells of it: support
        users their tenant's conversations, everybody else those they are the customer of."""
        own = Q(participants__tenant_id=actor.tenant_id, participants__membership_id=actor.membership_id)
        told = Notification.objects.of_conversation(actor, OuterRef("id")).unread()
        readable = self.in_tenants(actor.tenant_ids).annotate(
            part=FilteredRelation("participants", condition=own), is_told=Exists(told)
        )
        if not actor.support_tenant_ids:
            readable = readable.filter(part__role="customer")
        return readable.values_list(
            "id", "status", "message_count", "part__id", "part__role", "part__left_at",
            "part__last_read_sequence", "is_told", named=True,
        )  # fmt: skip


class ParticipantQuerySet(TenantQuerySet["Participant"]):
    def taken_by(self, actor: Actor) -> "ParticipantQuerySet":
        """This person's parts that count now: of a support user all, of anybody else those as the customer.

        See `policies.takes_part`, which asks the same of a row.
        """
        own = self.in_tenants(actor.tenant_ids).present().filter(membership=actor.membership_id)
        return own if actor.support_tenant_ids else own.filter(role="customer")

    def present(self) -> "ParticipantQuerySet":
        return self.filter(left_at=None)

    def of_conversations(self, conversation_ids: list[UUID]) -> "ParticipantQuerySet":
        """Everybody who takes or took part, in the order they came."""
        found = self.filter(conversation_id__in=conversation_ids).select_related("membership")
        return found.order_by("joined_at", "id")


class MessageQuerySet(TenantQuerySet["Message"]):
    def rows(self) -> QuerySet["Message", Any]:
        return self.values_list(*MESSAGE_FIELDS, named=True)
