"""What a line of the queue shows beside the ticket's own columns, each found by one look into an index."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject, Left

from conversations.models import Message, MessageType, Participant
from support.models import Draft, TicketTag
from support.querysets import TicketQuerySet
from support.queue.reader import Reader
from support.queue.tabs import Order
from support.vocabulary import TicketStatus

LONGEST_SAID = 400  # characters, with what html has around the words


def shown(keys: QuerySet[Any, Any], order: Order, reader: Reader) -> TicketQuerySet:
    """The tickets of these keys, a page of them, as lines: `tag_names`, `said` (by a person, last), `is_unread`, and
    `has_draft`: this person has begun to write there.

    The keys are found first, by indexes alone; rows are read of those that are shown.
    """
    return _as_lines(reader.tickets.filter(id__in=keys).for_workbench(), reader).order_by(*order)


def _as_lines(tickets: TicketQuerySet, reader: Reader) -> TicketQuerySet:
    of_conversation = {"tenant_id": OuterRef("tenant_id"), "conversation_id": OuterRef("conversation_id")}
    words = Message.objects.filter(**of_conversation).exclude(message_type=MessageType.SYSTEM).exclude(content="")
    said = words.order_by("-sequence").values(said=JSONObject(text=Left("content", LONGEST_SAID), kind="message_type"))
    behind = Participant.objects.present().filter(**of_conversation, membership__in=reader.membership_ids)
    behind = behind.filter(last_read_sequence__lt=OuterRef("conversation__message_count"))
    tags = TicketTag.objects.filter(tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk"))
    begun = Draft.objects.begun_by(reader.membership_ids).filter(tenant_id=OuterRef("tenant_id"), ticket=OuterRef("pk"))
    return tickets.annotate(
        has_draft=Exists(begun),
        tag_names=ArraySubquery(tags.values("tag__name")),
        said=Subquery(said[:1]),
        is_unread=Q(Exists(behind), status=TicketStatus.OPEN),
    )
