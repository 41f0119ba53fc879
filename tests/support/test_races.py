"""Many at once: one open ticket per item, gap-free numbers, one successor per refresh token."""

import time
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.accounts.services import disable_login, update_member
from ondi.tenants.scope import tenant_scope
from support.models import Ticket, TicketCounter
from support.vocabulary import Priority
from tests.factories import (
    Conversation,
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    TenantFactory,
    make_ticket,
)
from tests.races import at_once, deadlocks_so_far

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

TICKETS = "/customer/support/tickets"
CLIENTS = 50


@pytest.fixture
def no_deadlock(owner):
    """The lock order holds: PostgreSQL had no deadlock to break, which the product would have ridden out."""
    before = deadlocks_so_far(owner())
    yield
    assert deadlocks_so_far(owner()) == before


@pytest.fixture
def tenant():
    return TenantFactory(allow_customer_close=True)


@pytest.mark.parametrize("kind", ["delivery", "order"])
def test_one_create_of_fifty_wins(api, tenant, kind):
    customer = MemberFactory(tenant=tenant)
    portal = api.as_(customer)
    if kind == "delivery":
        link = {"related_delivery_id": str(DeliveryFactory(tenant=tenant, customer=customer).id)}
    else:
        link = {
            "source": "storefront",
            "related_order_id": str(OrderFactory(tenant=tenant, customer=customer).id),
        }
    body = {"subject": "Late", "message": "Where is it?", **link}

    answers = at_once([lambda: portal.post(TICKETS, body)] * CLIENTS)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CLIENTS - 1}
    won = next(answer.json()["data"]["ticket"] for answer in answers if answer.status_code == 201)
    named = {
        (answer.json()["data"]["existing_ticket_id"], answer.json()["data"]["existing_conversation_id"])
        for answer in answers
        if answer.status_code == 409
    }
    assert named == {(won["id"], won["conversation"]["id"])}
    with tenant_scope(tenant.id):
        assert Ticket.objects.count() == Message.objects.count() == 1
        assert TicketCounter.objects.get().last_number == 1


def test_creates_and_closes_in_a_storm_leave_one_open_at_most(api, tenant, no_deadlock):
    customer = MemberFactory(tenant=tenant)
    portal = api.as_(customer)
    delivery = DeliveryFactory(tenant=tenant, customer=customer)
    body = {"subject": "Late", "message": "Where is it?", "related_delivery_id": str(delivery.id)}

    def storm():
        answers = []
        for _round in range(6):
            answer = portal.post(TICKETS, body)
            answers.append(answer.status_code)
            data = answer.json()["data"]
            ticket_id = data["ticket"]["id"] if answer.status_code == 201 else data["existing_ticket_id"]
            answers.append(portal.post(f"{TICKETS}/{ticket_id}/close").status_code)
            with tenant_scope(tenant.id):
                assert Ticket.objects.open().count() <= 1
        return answers

    statuses = Counter(status for answers in at_once([storm] * 12) for status in answers)

    assert set(statuses) <= {200, 201, 409}
    with tenant_scope(tenant.id):
        numbers = sorted(Ticket.objects.values_list("number", flat=True))
        assert numbers == list(range(1, statuses[201] + 1))


def test_different_customers_do_not_disturb_each_other(api, tenant):
    portals = [api.as_(MemberFactory(tenant=tenant)) for _number in range(12)]
    body = {"subject": "Hello", "message": "A question"}

    answers = at_once([lambda portal=portal: portal.post(TICKETS, body) for portal in portals])

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["data"]["ticket"]["number"] for answer in answers) == list(range(1, 13))


def test_one_idempotency_key_makes_one_ticket(api, tenant):
    portal = api.as_(MemberFactory(tenant=tenant))
    body = {"subject": "Hello", "message": "A question"}

    answers = at_once([lambda: portal.post(TICKETS, body, **{"Idempotency-Key": "once"})] * 20)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_progress"}
    with tenant_scope(tenant.id):
        assert Ticket.objects.count() == 1
    again = portal.post(TICKETS, body, **{"Idempotency-Key": "once"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")


def test_parallel_refreshes_of_one_token_give_one_successor(api, tenant):
    customer = MemberFactory(tenant=tenant)
    login = {"email": customer.user.email, "password": "correct horse battery"}
    token = api.post("/auth/login", login).json()["data"]["refresh_token"]

    answers = at_once([lambda: api.post("/auth/refresh", {"refresh_token": token})] * 12)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["refresh_token"] for answer in answers}) == 1


def test_exactly_ten_wrong_passwords_are_heard(api, tenant):
    customer = MemberFactory(tenant=tenant)
    wrong = {"email": customer.user.email, "password": "wrong"}

    answers = at_once([lambda: api.post("/auth/login", wrong)] * 30)

    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 20}


def test_a_thousand_messages_of_eight_clients_have_no_gap(api, tenant):
    customer = MemberFactory(tenant=tenant)
    agents = [MemberFactory(tenant=tenant, agent=True) for _agent in range(7)]
    ticket = make_ticket(customer, agent=agents[0])
    clients = [api.as_(person) for person in (customer, *agents)]
    path = f"/messaging/conversations/{ticket.conversation_id}"
    added = {"action": "add", "user_ids": [str(agent.user_id) for agent in agents]}
    assert clients[1].call("PUT", f"{path}/participants", body=added).status_code == 200

    def conversation(client, who):
        return [client.post(f"{path}/messages", {"content": f"{who}-{number}"}).status_code for number in range(125)]

    answers = at_once([lambda client=client, who=who: conversation(client, who) for who, client in enumerate(clients)])

    assert {status for statuses in answers for status in statuses} == {201}
    with tenant_scope(tenant.id):
        rows = list(Message.objects.order_by("sequence").values_list("sequence", "id", "content"))
        conversation = Conversation.objects.get()
    assert [sequence for sequence, _id, _content in rows] == list(range(1, 1002))  # and the first one
    assert (conversation.message_count, conversation.last_message_id) == (1001, rows[-1][1])
    assert conversation.last_message_preview == rows[-1][2]


def test_replies_claims_and_closes_crossing_make_no_deadlock(api, tenant, no_deadlock):
    customer = MemberFactory(tenant=tenant)
    agents = [MemberFactory(tenant=tenant, agent=True) for _agent in range(4)]
    tickets = [make_ticket(customer) for _number in range(4)]
    portal, workbenches = api.as_(customer), [api.as_(agent) for agent in agents]

    def reply():
        return [
            portal.post(f"/messaging/conversations/{ticket.conversation_id}/messages", {"content": "x"}).status_code
            for ticket in tickets * 5
        ]

    def work(workbench, order):
        actions = ("assign-to-me", "take-over", "close", "reopen", "release")
        return [
            workbench.post(f"/messaging/support/tickets/{ticket.id}/{action}", {"reason": "storm"}).status_code
            for ticket in order
            for action in actions
        ]

    orders = [tickets, tickets[::-1], tickets[2:] + tickets[:2], tickets[1:] + tickets[:1]]
    answers = at_once(
        [
            reply,
            reply,
            *(
                lambda workbench=workbench, order=order: work(workbench, order)
                for workbench, order in zip(workbenches, orders, strict=True)
            ),
        ]
    )

    assert {status for statuses in answers for status in statuses} <= {200, 201, 409}


@pytest.fixture
def reopening():
    """A tenant that lets customers reopen, its customer, and an agent who has a closed ticket of theirs."""
    tenant = TenantFactory(allow_customer_close=True, customer_reopen_days=7)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    return customer, agent, make_ticket(customer, agent=agent, closed_by=agent)


def codes_in(ticket):
    """What its conversation says, from the second message on: words, or codes of the system's."""
    with tenant_scope(ticket.tenant_id):
        said = Message.objects.filter(conversation=ticket.conversation_id, sequence__gt=1).order_by("sequence")
        return [one.event["code"] if one.event else one.content for one in said]


def test_a_ticket_is_reopened_once_however_often_it_is_asked_at_once(api, reopening, no_deadlock):
    customer, agent, ticket = reopening
    portal, workbench = api.as_(customer), api.as_(agent)
    call = lambda: portal.post(f"{TICKETS}/{ticket.id}/reopen", {"message": "x"})  # noqa: E731
    by_staff = lambda: workbench.post(f"/messaging/support/tickets/{ticket.id}/reopen")  # noqa: E731

    answers = at_once([call] * 12 + [by_staff] * 4)

    assert {answer.status_code for answer in answers} == {200}
    assert codes_in(ticket) in (["ticket_closed", "ticket_reopened", "x"], ["ticket_closed", "ticket_reopened"])


def test_messages_into_a_closed_conversation_reopen_once_and_are_all_posted(api, reopening, no_deadlock):
    customer, _agent, ticket = reopening
    portal = api.as_(customer)
    path = f"/messaging/conversations/{ticket.conversation_id}/messages"

    answers = at_once([lambda: portal.post(path, {"content": "x"})] * 12)

    assert {answer.status_code for answer in answers} == {201}
    assert codes_in(ticket) == ["ticket_closed", "ticket_reopened", *["x"] * 12]


@pytest.mark.parametrize("by_message", [True, False])
def test_reopening_against_a_new_ticket_on_the_item_leaves_one_open(api, reopening, no_deadlock, by_message):
    customer, agent, _ticket = reopening
    portal = api.as_(customer)
    for _round in range(5):
        delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
        closed = make_ticket(customer, delivery=delivery, closed_by=agent)
        new = {"subject": "x", "message": "x", "related_delivery_id": str(delivery.id)}
        again = (
            (f"/messaging/conversations/{closed.conversation_id}/messages", {"content": "x"})
            if by_message
            else (f"{TICKETS}/{closed.id}/reopen", {"message": "x"})
        )

        created, reopened = at_once(
            [lambda new=new: portal.post(TICKETS, new), lambda again=again: portal.post(*again)]
        )

        assert (created.status_code, reopened.status_code) in ((201, 409), (409, 201 if by_message else 200))
        with tenant_scope(customer.tenant_id):
            assert Ticket.objects.open().filter(delivery=delivery).count() == 1
        assert len(codes_in(closed)) == (1 if reopened.status_code == 409 else 3)


def test_messages_against_closing_are_posted_and_the_conversation_is_in_step(api, reopening, no_deadlock):
    """Whichever is first: a message opens again what was closed before it, and none is lost."""
    customer, agent, ticket = reopening
    portal, workbench = api.as_(customer), api.as_(agent)
    path = f"/messaging/conversations/{ticket.conversation_id}/messages"

    def write():
        return [portal.post(path, {"content": "x"}).status_code for _time in range(10)]

    def close():
        return [workbench.post(f"/messaging/support/tickets/{ticket.id}/close").status_code for _time in range(10)]

    answers = at_once([write, write, close])
    assert [set(statuses) for statuses in answers] == [{201}, {201}, {200}]
    said = codes_in(ticket)
    assert said.count("x") == 20
    turns = [code for code in said if code != "x"]
    assert turns == ["ticket_closed", "ticket_reopened"] * (len(turns) // 2) + ["ticket_closed"] * (len(turns) % 2)
    with tenant_scope(ticket.tenant_id):
        now = Ticket.objects.select_related("conversation").get(pk=ticket.pk)
    assert now.conversation.status == ("active" if now.is_open else "closed")


@pytest.mark.parametrize("by_message", [True, False])
def test_a_role_that_ends_while_its_ticket_is_reopened_leaves_it_to_nobody(api, reopening, no_deadlock, by_message):
    customer, _agent, _ticket = reopening
    portal = api.as_(customer)
    for _round in range(5):
        leaving = MemberFactory(tenant=customer.tenant, agent=True)
        ticket = make_ticket(customer, agent=leaving, closed_by=leaving)

        def reopen(ticket=ticket):
            chat = f"/messaging/conversations/{ticket.conversation_id}/messages"
            path, body = (chat, {"content": "x"}) if by_message else (f"{TICKETS}/{ticket.id}/reopen", None)
            return portal.post(path, body).status_code

        def end(leaving=leaving):
            with tenant_scope(leaving.tenant_id):
                update_member(membership=leaving, is_support_user=False)
            return 200

        assert set(at_once([reopen, end])) <= {200, 201}
        with tenant_scope(ticket.tenant_id):
            now = Ticket.objects.get(pk=ticket.pk)
        assert (now.is_open, now.assignee_id) == (True, None)


def test_fifty_agents_drain_five_hundred_tickets_in_order(api, tenant, no_deadlock):
    customer = MemberFactory(tenant=tenant)
    start = timezone.now() - timedelta(hours=9)
    for number in range(500):
        make_ticket(customer, priority=("low", "urgent", "medium")[number % 3], at=start + timedelta(seconds=number))
    workbenches = [api.as_(MemberFactory(tenant=tenant, agent=True)) for _agent in range(50)]

    def drain(workbench):
        pulled = []
        while (answer := workbench.post("/messaging/support/tickets/next")).status_code == 200:
            ticket = answer.json()["data"]["ticket"]
            pulled.append((Priority(ticket["priority"]).rank, -ticket["number"]))
        return pulled, answer.status_code, answer.json()["error"]

    drained = at_once([lambda workbench=workbench: drain(workbench) for workbench in workbenches])

    assert {(status, error) for _pulled, status, error in drained} == {(404, "queue_empty")}
    numbers = [number for pulled, _status, _error in drained for _rank, number in pulled]
    assert sorted(numbers) == sorted(-number for number in range(1, 501)), "none twice, none lost"
    for pulled, _status, _error in drained:
        assert pulled == sorted(pulled, reverse=True), "each agent's come highest and longest waiting first"


def test_a_role_that_ends_leaves_no_ticket_with_its_former_holder(api, tenant, no_deadlock):
    """Claims, take-overs, pulls and reopens cross the end of the role, by membership and by login."""
    customer, boss = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, lead=True)
    agents = [MemberFactory(tenant=tenant, agent=True) for _agent in range(8)]
    tickets = [make_ticket(customer) for _number in range(4)]
    tickets += [make_ticket(customer, agent=boss) for _number in range(4)]
    tickets += [make_ticket(customer, agent=agent, closed_by=agent) for agent in agents]
    leading = api.as_(boss)
    callers = {agent: api.as_(agent) for agent in agents}  # signed in before anybody's role ends

    def work(agent):
        mine, queue = callers[agent], "/messaging/support/tickets"
        statuses = [mine.post(f"{queue}/next").status_code]
        for ticket in tickets[:8]:
            for action in ("assign-to-me", "take-over"):
                answer = mine.post(f"{queue}/{ticket.id}/{action}", {"reason": "race"})
                statuses.append(answer.status_code)
        return statuses

    def reopen():
        return [leading.post(f"/messaging/support/tickets/{ticket.id}/reopen").status_code for ticket in tickets[8:]]

    def end(number, agent):
        time.sleep(0.02 * number)
        with tenant_scope(tenant.id):
            if number % 2:
                disable_login(user=agent.user)
            else:
                update_member(membership=agent, is_support_user=False)
        return [200]

    answers = at_once(
        [
            *(lambda agent=agent: work(agent) for agent in agents),
            *(lambda number=number, agent=agent: end(number, agent) for number, agent in enumerate(agents)),
            reopen,
        ]
    )

    assert {status for statuses in answers for status in statuses} <= {200, 401, 403, 404, 409}
    with tenant_scope(tenant.id):
        held = Ticket.objects.open().filter(assignee__in=agents)
        assert not held.exists()
