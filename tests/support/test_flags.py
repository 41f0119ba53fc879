"""`can_close`, `can_reopen` and `can_reply` say what the calls then do: every state, setting and person."""

import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.errors import ConversationClosed, ConversationNotFound, NotAParticipant
from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.tenants.scope import tenant_scope
from support.api.presentation import ticket_data
from support.models import Ticket
from support.services import close_ticket, post_message, reopen_ticket
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket

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


STATES = ("open", "closed lately", "closed long ago", "closed, and its item has another")
REOPENINGS = list(itertools.product(PEOPLE, STATES, ("delivery", "order", "neither"), (0, 7)))


@pytest.mark.parametrize("by_message", [True, False])
@pytest.mark.parametrize(("person", "state", "item", "days"), REOPENINGS)
def test_flags_agree_with_what_reopens(person, state, item, days, by_message):
    tenant = TenantFactory(customer_reopen_days=days)
    support_user_asks = person == "requester who is a support user"
    requester = MemberFactory(tenant=tenant, **({"agent": True} if support_user_asks else {}))
    agents = [MemberFactory(tenant=tenant, agent=True) for _number in range(3)]
    factories = {"delivery": DeliveryFactory, "order": OrderFactory}
    about = {item: factories[item](tenant=tenant, customer=requester)} if item in factories else {}
    ago = timedelta(days=8 if state == "closed long ago" else 6)
    ticket = make_ticket(requester, agent=agents[0], at=timezone.now() - ago, **about)
    with tenant_scope(tenant.id):
        from support.services import take_over_ticket

        take_over_ticket(actor=actor(agents[1]), ticket_id=ticket.id, reason="on holiday")
        if state != "open":
            close_ticket(actor=actor(agents[2]), ticket_id=ticket.id, at=timezone.now() - ago)
    if state == "closed, and its item has another":
        make_ticket(requester, **about)
    people = dict(zip(PEOPLE, (requester, requester, agents[1], agents[2], agents[0]), strict=True))
    who = actor(people[person])

    with tenant_scope(tenant.id):
        row = Ticket.objects.visible_to(who).for_list(who).get(id=ticket.id)
        shown = ticket_data(row, who)
        if by_message:
            said = {"conversation_id": ticket.conversation_id, "content": "Hello"}
            done = _accepted(lambda: post_message(actor=who, **said))
            assert shown["can_reply"] is done
        else:
            done = _reopens(who, ticket)
            assert shown["can_reopen"] is done
        assert Ticket.objects.get(pk=ticket.pk).is_open is (state == "open" or done)


def test_who_only_reads_reopens_nothing():
    tenant = TenantFactory(customer_reopen_days=7)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    ticket = make_ticket(customer, closed_by=agent)
    with tenant_scope(tenant.id):
        for who in (Actor.program(tenant.id), Actor.operator(tenant.id, agent.user_id)):
            shown = ticket_data(Ticket.objects.visible_to(who).for_list(who).get(id=ticket.id), who)
            assert (shown["can_reopen"], shown["can_reply"]) == (False, False)


def _reopens(who, ticket) -> bool:
    was_open = Ticket.objects.get(pk=ticket.pk).is_open
    try:
        reopen_ticket(actor=who, ticket_id=ticket.id)
    except DomainError:
        return False
    return not was_open


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
