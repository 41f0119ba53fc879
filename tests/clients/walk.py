"""The five calls and a chat, as a program on the generated Python client writes them; mypy reads it as well.

`python walk.py URL TENANT CUSTOMER AGENT PASSWORD` with the client (`ondi_client`) on the path. The customer has an
open ticket on a delivery, and may close theirs.
"""

import sys
from typing import TypeVar
from uuid import uuid4

from ondi_client import AuthenticatedClient, Client
from ondi_client.api.auth import login
from ondi_client.api.customer import (
    close_support_ticket,
    create_support_ticket,
    get_support_ticket,
    list_support_tickets,
    reopen_support_ticket,
)
from ondi_client.api.messaging import (
    assign_ticket_to_me,
    list_messages,
    list_queue,
    mark_conversation_read,
    post_message,
    release_ticket,
)
from ondi_client.models import (
    AssignTicketToMeAnswer,
    CloseSupportTicketAnswer,
    ConversationClosedError,
    CreateSupportTicketAnswer,
    CreateTicketBody,
    CustomerReopenDisabledError,
    CustomerTicketSource,
    FieldFaultCode,
    GetSupportTicketAnswer,
    ListMessagesAnswer,
    ListQueueAnswer,
    ListSupportTicketsAnswer,
    LoginAnswer,
    LoginBody,
    MarkConversationReadAnswer,
    PostMessageAnswer,
    PostMessageBody,
    Priority,
    ReleaseTicketAnswer,
    ReopenOwnTicketBody,
    SenderRole,
    SupportTicketAlreadyOpenForRelatedError,
    TicketNotFoundError,
    TicketStatus,
    ValidationError,
    WaitingOn,
)
from ondi_client.types import Unset

Answer = TypeVar("Answer")


def wanted(answer: object, kind: type[Answer]) -> Answer:
    """The answer, which is of this kind; anything else ends the walk."""
    assert isinstance(answer, kind), answer
    return answer


def signed_in(door: Client, email: str, password: str, tenant: str) -> AuthenticatedClient:
    body = LoginBody(email=email, password=password, tenant=tenant)
    session = wanted(login.sync(client=door, body=body), LoginAnswer).data
    return AuthenticatedClient(door._base_url, session.access_token, httpx_args=door._httpx_args)


def five_calls(portal: AuthenticatedClient) -> CreateSupportTicketAnswer:
    """List, create, conflict, read; closing comes after the chat. Gives back the ticket that was made."""
    listed = wanted(
        list_support_tickets.sync(client=portal, limit=50, status=TicketStatus.OPEN), ListSupportTicketsAnswer
    )
    held = next(ticket for ticket in listed.data.tickets if ticket.related_delivery_id is not None)

    body = CreateTicketBody(
        subject="Delivery delayed",
        message="Where is it?",
        source=CustomerTicketSource.CUSTOMER_PORTAL,
        related_delivery_id=held.related_delivery_id,
    )
    conflict = create_support_ticket.sync(client=portal, body=body)
    named = wanted(conflict, SupportTicketAlreadyOpenForRelatedError).data
    assert not isinstance(named, Unset)
    assert named.existing_ticket_id == held.id

    faulty = create_support_ticket.sync(client=portal, body=CreateTicketBody(subject=" ", message="Where is it?"))
    faults = wanted(faulty, ValidationError).data.fields["subject"]
    assert [fault.code for fault in faults] == [FieldFaultCode.BLANK]

    body = CreateTicketBody(subject="A question", message="Do you open on Fridays?", priority=Priority.HIGH)
    key = str(uuid4())
    made = create_support_ticket.sync_detailed(client=portal, body=body, idempotency_key=key)
    again = create_support_ticket.sync_detailed(client=portal, body=body, idempotency_key=key)
    assert "Idempotency-Replayed" not in made.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.parsed == made.parsed

    ticket = wanted(made.parsed, CreateSupportTicketAnswer).data.ticket
    read = wanted(get_support_ticket.sync(ticket.id, client=portal), GetSupportTicketAnswer).data.ticket
    assert (read.priority, read.waiting_on, read.delivery) == (Priority.HIGH, WaitingOn.AGENT, None)
    wanted(get_support_ticket.sync(uuid4(), client=portal), TicketNotFoundError)
    return wanted(made.parsed, CreateSupportTicketAnswer)


def chat(portal: AuthenticatedClient, workbench: AuthenticatedClient, created: CreateSupportTicketAnswer) -> None:
    """An agent claims the ticket and answers; the customer reads and writes back."""
    ticket, conversation = created.data.ticket, created.data.ticket.conversation.id
    queue = wanted(list_queue.sync(client=workbench, search="Fridays", priority=Priority.HIGH), ListQueueAnswer).data
    assert ticket.id in [row.id for row in queue.tickets]
    claimed = wanted(assign_ticket_to_me.sync(ticket.id, client=workbench), AssignTicketToMeAnswer).data.ticket
    assert claimed.assigned_to_user is not None
    answer = PostMessageBody(content="From nine to five.")
    said = wanted(post_message.sync(conversation, client=workbench, body=answer), PostMessageAnswer).data.message

    heard = wanted(list_messages.sync(conversation, client=portal), ListMessagesAnswer).data
    assert (heard.messages[0].content, heard.messages[0].sender.role) == (answer.content, SenderRole.AGENT)
    marked = mark_conversation_read.sync(conversation, client=portal, message_id=said.id)
    assert wanted(marked, MarkConversationReadAnswer).data.unread_count == 0
    wanted(post_message.sync(conversation, client=portal, body=PostMessageBody(content="Thank you")), PostMessageAnswer)
    news = wanted(list_messages.sync(conversation, client=workbench, after=said.id), ListMessagesAnswer).data
    assert ([message.content for message in news.messages], news.has_more) == (["Thank you"], False)
    wanted(release_ticket.sync(ticket.id, client=workbench), ReleaseTicketAnswer)

    closed = wanted(close_support_ticket.sync(ticket.id, client=portal), CloseSupportTicketAnswer).data.ticket
    assert (closed.status, closed.waiting_on, closed.can_reply) == (TicketStatus.CLOSED, None, False)
    late = post_message.sync(conversation, client=portal, body=PostMessageBody(content="One more thing"))
    wanted(late, ConversationClosedError)
    again = reopen_support_ticket.sync(ticket.id, client=portal, body=ReopenOwnTicketBody(message="One more thing"))
    wanted(again, CustomerReopenDisabledError)


def walk(door: Client, *, tenant: str, customer: str, agent: str, password: str) -> None:
    portal, workbench = (signed_in(door, email, password, tenant) for email in (customer, agent))
    chat(portal, workbench, five_calls(portal))


if __name__ == "__main__":
    url, tenant, customer, agent, password = sys.argv[1:]
    walk(Client(url), tenant=tenant, customer=customer, agent=agent, password=password)
