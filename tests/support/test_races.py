"""Many at once: one open ticket per item, gap-free numbers, one successor per refresh token."""

from collections import Counter

import pytest

from ondi.tenants.scope import tenant_scope
from support.models import Ticket, TicketCounter
from tests.factories import DeliveryFactory, MemberFactory, Message, OrderFactory, TenantFactory
from tests.races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

TICKETS = "/customer/support/tickets"
CLIENTS = 50


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


def test_creates_and_closes_in_a_storm_leave_one_open_at_most(api, tenant):
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
