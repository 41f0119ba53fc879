"""How many statements each call costs, entering included, whatever the size of the data.

BEGIN, COMMIT, SAVEPOINT, RELEASE are not counted (DESIGN.md section 5).
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from support.services import post_message
from tests.factories import MemberFactory, OrderFactory, TenantFactory, actor, make_file, make_ticket
from tests.registry.routes import ROUTES
from tests.registry.scene import Scene

pytestmark = pytest.mark.django_db(transaction=True)

NOT_COUNTED = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")
TICKETS = "customer/support/tickets"


class Counted:
    def __init__(self):
        self.context = CaptureQueriesContext(connection)

    def __enter__(self):
        self.context.__enter__()
        return self

    def __exit__(self, *error):
        self.context.__exit__(*error)
        self.statements = [
            query["sql"] for query in self.context.captured_queries if not NOT_COUNTED.match(query["sql"])
        ]


@pytest.mark.parametrize("tickets", [1, 50])
def test_statements_are_what_the_table_says(tickets):
    tenant = TenantFactory(allow_customer_close=True, customer_reopen_days=7)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    for number in range(tickets):
        order = OrderFactory(tenant=tenant, customer=customer) if number % 2 else None
        ticket = make_ticket(customer, order=order, agent=agent if number % 3 else None)
        who = actor(customer)
        with tenant_scope(tenant.id):
            post_message(actor=who, conversation_id=ticket.conversation_id, content="Where is it?")
    scene = Scene(customer, messages=tickets)
    relay_all()

    counted = {}
    for route in ROUTES:
        with Counted() as statements:
            response = route.call(scene)
        assert response.status_code < 300, (str(route), response.content)
        counted[str(route)] = len(statements.statements)

    assert counted == {str(route): route.statements for route in ROUTES}


def test_storefront_create_costs_no_more_than_the_limit(api):
    tenant = TenantFactory(acknowledgement_html={"en": "<p>Hello</p>"})
    customer = MemberFactory(tenant=tenant)
    order = OrderFactory(tenant=tenant, customer=customer)
    portal = api.as_(customer)
    new = {"subject": "Help", "message": "Help", "source": "storefront", "related_order_id": str(order.id)}

    with Counted() as first:
        assert portal.post(f"/{TICKETS}", new, **{"Idempotency-Key": "k"}).status_code == 201
    with Counted() as replayed:
        assert portal.post(f"/{TICKETS}", new, **{"Idempotency-Key": "k"}).status_code == 201
    with Counted() as conflict:
        assert portal.post(f"/{TICKETS}", new).status_code == 409

    assert [len(found.statements) for found in (first, replayed, conflict)] == [9, 4, 6]


def test_what_is_unread_costs_one_more_to_read(api):
    customer = MemberFactory(tenant=TenantFactory())
    ticket = make_ticket(customer, agent=(agent := MemberFactory(tenant=customer.tenant, agent=True)))
    portal, chat = api.as_(customer), f"/messaging/conversations/{ticket.conversation_id}"

    def said() -> str:
        with tenant_scope(customer.tenant_id):
            return str(post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="Hello").id)

    for read in (
        lambda _message: portal.get(f"{chat}/messages"),
        lambda message: portal.call("PUT", f"{chat}/read-status", parameters={"message_id": message}),
    ):
        message, counted = said(), []
        for _time in range(2):
            with Counted() as found:
                assert read(message).status_code == 200
            counted.append(len(found.statements))
        assert counted == [4, 3]


def test_a_chat_of_twenty_photos_is_one_call_and_one_statement_more(api):
    customer = MemberFactory(tenant=TenantFactory())
    portal, counted, shown = api.as_(customer), [], []
    for photos in (0, 1, 20):
        ticket = make_ticket(customer)
        for number in range(photos):
            with tenant_scope(customer.tenant_id):
                said = post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content=str(number))
            make_file(customer, sent_with=said)
        with Counted() as found:
            answer = portal.get(f"/messaging/conversations/{ticket.conversation_id}/messages", {"limit": 50})
        counted.append(len(found.statements))
        shown.append(sum(bool(file["download_url"]) for one in answer.json()["data"]["messages"]
                         for file in one["attachments"]))  # fmt: skip
    assert shown == [0, 1, 20]
    assert counted == [3, 4, 4]


def test_a_poll_costs_one_more_where_there_is_news(api):
    customer = MemberFactory(tenant=TenantFactory())
    ticket = make_ticket(customer)
    portal, chat = api.as_(customer), f"/messaging/conversations/{ticket.conversation_id}/messages"

    def said() -> str:
        with tenant_scope(customer.tenant_id):
            return str(post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content="Hello").id)

    opening = portal.get(chat).json()["data"]["messages"][-1]["id"]
    first, last = said(), said()
    counted = []
    for beside, message in (("after", last), ("after", first), ("before", opening), ("before", last)):
        with Counted() as found:
            assert portal.get(chat, {beside: message}).status_code == 200
        counted.append(len(found.statements))
    assert counted == [3, 4, 3, 4]
