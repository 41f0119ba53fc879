"""Taking many messages back: for good, and said so twice."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from conversations.events import MESSAGE_REDACTED
from conversations.models import Conversation, Message
from ondi.datafixes.fixes import FixOneByOne, Item
from support.fixes.tickets import READ_AT_ONCE
from support.models import Ticket
from support.services.redaction import redact_and_forget
from support.services.shared import record_redaction, save_ticket


class RedactMessages(FixOneByOne):
    """System messages of one code between two moments, or the messages a file names."""

    is_final = True

    def __init__(
        self,
        tenant_id: UUID,
        *,
        event: str = "",
        between: tuple[datetime, datetime] | None = None,
        named: Sequence[UUID] | None = None,
    ) -> None:
        super().__init__(tenant_id)
        self.event, self.between, self.named = event, between, named

    def items(self) -> Iterator[Item]:
        messages = Message.objects.in_tenants([self.tenant_id]).exclude(event__code=MESSAGE_REDACTED).order_by("id")
        if self.named is not None:
            messages = messages.filter(id__in=self.named)
        else:
            assert self.between is not None
            messages = messages.filter(
                event__code=self.event, created_at__gte=self.between[0], created_at__lt=self.between[1]
            )
        last: UUID | None = None
        while True:
            page = list((messages.filter(id__gt=last) if last else messages)[:READ_AT_ONCE])
            for message in page:
                # What stands there is not shown: it may be what has to go.
                told = {"sequence": message.sequence, "conversation": message.conversation_id}
                yield Item(str(message.id), f"message {message.id}", told, {"text": "removed"})
            if len(page) < READ_AT_ONCE:
                return
            last = page[-1].id

    def hold(self, items: Sequence[Item]) -> None:
        conversations = Message.objects.in_tenants([self.tenant_id]).filter(id__in=[item.key for item in items])
        keys = list(conversations.values_list("conversation_id", flat=True))
        list(Ticket.objects.locked().filter(tenant_id=self.tenant_id, conversation__in=keys).values_list("id"))
        list(Conversation.objects.locked().filter(tenant_id=self.tenant_id, id__in=keys).values_list("id"))

    def apply(self, item: Item, *, at: datetime) -> bool:
        message = Message.objects.in_tenants([self.tenant_id]).filter(id=item.key).first()
        if message is None:
            return False
        ticket = Ticket.objects.locked().filter(
            tenant_id=self.tenant_id, conversation_id=message.conversation_id
        ).first()  # fmt: skip
        if not redact_and_forget(
            tenant_id=self.tenant_id, conversation_id=message.conversation_id, message_id=message.id
        ):
            return False
        if ticket is not None:
            save_ticket(ticket, at)
            record_redaction(ticket, self.actor, message.id, at)  # not silent: programs that keep copies are told
        return True
