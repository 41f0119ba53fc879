"""`can_close` and `can_reply` say what the calls then do: every state, setting and person."""

import itertools

import pytest

from conversations.errors import ConversationClosed, ConversationNotFound, NotAParticipant
from ondi.common.errors import DomainError
from ondi.tenants.scope import tenant_scope
from support.api.presentation import ticket_data
from support.models import Ticket
from support.services import close_ticket, post_message
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db

PEOPLE = ("requester", "requester who is a support user", "assignee", "other support user", "former assignee")
COMBINATIONS = list(itertools.product(PEOPLE, ("open", "closed"), (True, False), (True, False)))


@pytest.mark.parametrize(("person", "state", "may_close", "chat_on"), COMBINATIONS)
def test_flags_agree_with_the_calls(api, person, state, may_close, chat_on):
    tenant = TenantFactory(allow_customer_close=may_close, support_chat_enabled=True)
    support_user_asks = person == "requester who is a support user"
    requester = MemberFactory(tenant=tenant, **({"agent": True} if support_user_asks else {}))
    agents = [MemberFactory(tenant=tenant, agent=True) for _number in range(3)]
    ticket = make_ticket(requester, agent=agents[0])
    with tenant_scope(tenant.id):
        from support.services import take_over_ticket

        take_over_ticket(actor=actor(agents[1]), ticket_id=ticket.id, reason="on holiday")
        if state == "closed":
            close_ticket(actor=actor(agents[2]), ticket_id=ticket.id)
        tenant.portal_settings.values["support_chat_enabled"] = chat_on
        tenant.portal_settings.save()
    member = {
        "requester": requester,
        "requester who is a support user": requester,
        "assignee": agents[1],
        "other support user": agents[2],
        "former assignee": agents[0],
    }[person]
    who = actor(member)

    with tenant_scope(tenant.id):
        row = Ticket.objects.visible_to(who).for_list(who).get(id=ticket.id)
        shown = ticket_data(row, who)
        replied = _accepted(lambda: post_message(actor=who, conversation_id=ticket.conversation_id, content="Hello"))
        closed = _closes(who, ticket)

    assert shown["can_reply"] is replied
    assert shown["can_close"] is closed


@pytest.mark.parametrize(("state", "may_close"), list(itertools.product(("open", "closed"), (True, False))))
def test_can_close_agrees_with_the_customers_call(api, state, may_close):
    tenant = TenantFactory(allow_customer_close=may_close)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    ticket = make_ticket(customer, closed_by=agent if state == "closed" else None)
    portal = api.as_(customer)
    path = f"/customer/support/tickets/{ticket.id}"

    promised = portal.get(path).json()["data"]["ticket"]["can_close"]
    before = portal.get(path).json()["data"]["ticket"]["status"]
    portal.post(f"{path}/close")
    after = portal.get(path).json()["data"]["ticket"]["status"]

    assert promised is (before == "open" and after == "closed")


def _accepted(call) -> bool:
    try:
        call()
    except (ConversationClosed, ConversationNotFound, NotAParticipant):
        return False
    return True


def _closes(who, ticket) -> bool:
    was_open = Ticket.objects.get(pk=ticket.pk).is_open
    try:
        close_ticket(actor=who, ticket_id=ticket.id)
    except DomainError:
        return False
    return was_open
