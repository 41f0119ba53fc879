"""How many statements each call costs, entering included, whatever the size of the data.

BEGIN, COMMIT, SAVEPOINT, RELEASE are not counted (DESIGN.md section 5).
"""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.api import docs as examples
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.links import Purpose, make_link
from ondi.accounts.models import Scope
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from support.models import Tag
from support.services import post_message
from tests.api.test_permissions import TABLE
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)

NOT_COUNTED = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")
TICKETS = "customer/support/tickets"

SETTINGS = "delivery/customer-portal/settings"
CONVERSATION = "messaging/conversations/<str:conversation_id>"
QUEUE = "messaging/support/tickets"
QUEUED = QUEUE + "/<str:ticket_id>"

# (method, route): exact statements. The limits of the contract: get 3, list 4, create 12, close 11, message list 5,
# message 9, queue list 5.
STATEMENTS = {
    ("GET", "health/live"): 0,
    ("GET", "health/ready"): 1,
    ("POST", "auth/login"): 11,
    ("POST", "auth/refresh"): 6,
    ("POST", "auth/logout"): 4,
    ("POST", "auth/password"): 8,
    ("POST", "auth/password/forgot"): 2,
    ("POST", "auth/password/reset"): 16,
    ("GET", "users/me"): 1,
    ("GET", TICKETS): 2,  # and one more to count, on a page behind the last
    ("POST", TICKETS): 6,
    ("GET", TICKETS + "/<str:ticket_id>"): 2,
    ("POST", TICKETS + "/<str:ticket_id>/close"): 6,
    ("GET", "customer/support/summary"): 2,
    ("GET", "customer/delivery/portal-settings"): 1,
    ("GET", SETTINGS): 2,
    ("PUT", SETTINGS): 5,
    ("PUT", "integrations/orders"): 9,
    ("PUT", "integrations/deliveries"): 8,
    ("GET", "integrations/changes"): 7,
    ("GET", "messaging/changes"): 4,
    ("GET", "messaging/conversations"): 4,
    ("GET", CONVERSATION): 3,
    ("GET", CONVERSATION + "/messages"): 3,  # and one more where something was unread, as in read-status
    ("POST", CONVERSATION + "/messages"): 4,
    ("PUT", CONVERSATION + "/read-status"): 3,
    ("PUT", CONVERSATION + "/participants"): 8,
    ("GET", QUEUE): 4,
    ("POST", QUEUE + "/next"): 10,
    ("GET", QUEUED): 3,
    ("POST", QUEUED + "/assign-to-me"): 10,
    ("POST", QUEUED + "/take-over"): 12,
    ("POST", QUEUED + "/release"): 7,
    ("GET", QUEUED + "/notes"): 4,
    ("GET", QUEUED + "/events"): 4,
    ("POST", QUEUED + "/assign"): 12,
    ("POST", QUEUED + "/priority"): 6,
    ("POST", QUEUED + "/tags"): 10,
    ("POST", QUEUED + "/snooze"): 6,
    ("POST", QUEUED + "/change-link"): 4,
    ("POST", QUEUED + "/note"): 5,
    ("POST", QUEUED + "/close"): 7,
    ("POST", QUEUED + "/reopen"): 8,
}


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


def calls(portal, customer, api, tenant, messages):
    """Each route called once, to count."""
    agent, colleague = (MemberFactory(tenant=tenant, agent=True) for _agent in range(2))
    workbench, lead = api.as_(agent), api.as_(MemberFactory(tenant=tenant, lead=True))
    admin = api.as_(MemberFactory(tenant=tenant, admin=True))
    with tenant_scope(tenant.id):
        platform = ApiClient(
            **{"X-API-Key": issue_api_key(tenant_id=tenant.id, name="platform", scopes=Scope.values)[1]}
        )
    chat_ticket, free, taken = (
        make_ticket(customer, agent=agent),
        make_ticket(customer),
        make_ticket(customer, agent=colleague),
    )
    speaker = actor(customer)
    with tenant_scope(tenant.id):
        for _message in range(messages):
            post_message(actor=speaker, conversation_id=chat_ticket.conversation_id, content="Hello")
        last_message = str(chat_ticket.conversation.last_message_id)
    chat = f"/messaging/conversations/{chat_ticket.conversation_id}"
    add = {"action": "add", "user_ids": [str(colleague.user_id)]}
    settings = {"support_ticket_settings": {"allow_customer_close": True, "max_customer_priority": "high"}}
    order, parcel = dict(examples.ORDER, external_id="new"), dict(examples.DELIVERY, external_id="new")
    parcel.pop("order_external_id")
    delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
    ticket = make_ticket(customer)
    session = api.post("/auth/login", {"email": customer.user.email, "password": "correct horse battery"}).json()
    tokens = {"refresh_token": session["data"]["refresh_token"]}
    new = {"subject": "Help", "message": "Help", "related_delivery_id": str(delivery.id)}
    waiting = MemberFactory(tenant=tenant, waiting=True)
    with tenant_scope(tenant.id):
        reset = {"token": make_link(Purpose.RESET, waiting), "new_password": "another horse battery"}
    with tenant_scope(tenant.id):
        Tag.objects.create(tenant=tenant, name="late")
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    passwords = {"current_password": "correct horse battery", "new_password": "another horse battery"}
    return {
        ("GET", "health/live"): lambda: api.get("/health/live"),
        ("GET", "health/ready"): lambda: api.get("/health/ready"),
        ("GET", "users/me"): lambda: portal.get("/users/me"),
        ("GET", TICKETS): lambda: portal.get(f"/{TICKETS}", {"limit": 50}),
        ("POST", TICKETS): lambda: portal.post(f"/{TICKETS}", new),
        ("GET", TICKETS + "/<str:ticket_id>"): lambda: portal.get(f"/{TICKETS}/{ticket.id}"),
        ("POST", TICKETS + "/<str:ticket_id>/close"): lambda: portal.post(f"/{TICKETS}/{ticket.id}/close"),
        ("GET", "customer/support/summary"): lambda: portal.get("/customer/support/summary"),
        ("GET", "customer/delivery/portal-settings"): lambda: portal.get("/customer/delivery/portal-settings"),
        ("GET", SETTINGS): lambda: admin.get(f"/{SETTINGS}"),
        ("PUT", SETTINGS): lambda: admin.call("PUT", f"/{SETTINGS}", body=settings),
        ("PUT", "integrations/orders"): lambda: platform.call("PUT", "/integrations/orders", body={"orders": [order]}),
        ("PUT", "integrations/deliveries"): lambda: platform.call(
            "PUT", "/integrations/deliveries", body={"deliveries": [parcel]}
        ),
        ("GET", "integrations/changes"): lambda: platform.get("/integrations/changes", {"after": 0}),
        ("GET", "messaging/changes"): lambda: portal.get("/messaging/changes", {"after": 0}),
        ("GET", "messaging/conversations"): lambda: portal.get("/messaging/conversations", {"limit": 50}),
        ("GET", CONVERSATION): lambda: portal.get(chat),
        ("GET", CONVERSATION + "/messages"): lambda: portal.get(f"{chat}/messages", {"limit": 50}),
        ("POST", CONVERSATION + "/messages"): lambda: portal.post(f"{chat}/messages", {"content": "Hello"}),
        ("PUT", CONVERSATION + "/read-status"): lambda: portal.call(
            "PUT", f"{chat}/read-status", parameters={"message_id": last_message}
        ),
        ("PUT", CONVERSATION + "/participants"): lambda: workbench.call("PUT", f"{chat}/participants", body=add),
        ("GET", QUEUE): lambda: workbench.get(f"/{QUEUE}", {"limit": 50, "search": "is"}),
        ("POST", QUEUE + "/next"): lambda: lead.post(f"/{QUEUE}/next"),
        ("GET", QUEUED): lambda: workbench.get(f"/{QUEUE}/{chat_ticket.id}"),
        ("POST", QUEUED + "/assign-to-me"): lambda: workbench.post(f"/{QUEUE}/{free.id}/assign-to-me"),
        ("POST", QUEUED + "/take-over"): lambda: workbench.post(f"/{QUEUE}/{taken.id}/take-over", {"reason": "away"}),
        ("POST", QUEUED + "/release"): lambda: workbench.post(f"/{QUEUE}/{taken.id}/release"),
        ("GET", QUEUED + "/notes"): lambda: workbench.get(f"/{QUEUE}/{taken.id}/notes"),
        ("GET", QUEUED + "/events"): lambda: workbench.get(f"/{QUEUE}/{taken.id}/events"),
        ("POST", QUEUED + "/priority"): lambda: workbench.post(f"/{QUEUE}/{free.id}/priority", {"priority": "urgent"}),
        ("POST", QUEUED + "/tags"): lambda: workbench.post(f"/{QUEUE}/{free.id}/tags", {"add": ["Late"]}),
        ("POST", QUEUED + "/snooze"): lambda: workbench.post(f"/{QUEUE}/{free.id}/snooze", {"until": soon}),
        ("POST", QUEUED + "/change-link"): lambda: workbench.post(
            f"/{QUEUE}/{free.id}/change-link", {"related_delivery_id": None}
        ),
        ("POST", QUEUED + "/note"): lambda: workbench.post(f"/{QUEUE}/{free.id}/note", {"content": "x"}),
        ("POST", QUEUED + "/assign"): lambda: workbench.post(
            f"/{QUEUE}/{free.id}/assign", {"user_id": str(colleague.user_id)}
        ),
        ("POST", QUEUED + "/close"): lambda: workbench.post(f"/{QUEUE}/{taken.id}/close"),
        ("POST", QUEUED + "/reopen"): lambda: workbench.post(f"/{QUEUE}/{taken.id}/reopen"),
        ("POST", "auth/refresh"): lambda: api.post("/auth/refresh", tokens),
        ("POST", "auth/login"): lambda: api.post(
            "/auth/login", {"email": customer.user.email, "password": "correct horse battery"}
        ),
        ("POST", "auth/logout"): lambda: api.post("/auth/logout", tokens),
        ("POST", "auth/password"): lambda: portal.post("/auth/password", passwords),
        ("POST", "auth/password/forgot"): lambda: api.post("/auth/password/forgot", {"email": "x@example.org"}),
        ("POST", "auth/password/reset"): lambda: api.post("/auth/password/reset", reset),
    }


def test_every_route_is_in_the_table():
    assert set(STATEMENTS) == set(TABLE)


@pytest.mark.parametrize("tickets", [1, 50])
def test_statements_are_what_the_table_says(api, tickets):
    tenant = TenantFactory(allow_customer_close=True)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    for number in range(tickets):
        order = OrderFactory(tenant=tenant, customer=customer) if number % 2 else None
        ticket = make_ticket(customer, order=order, agent=agent if number % 3 else None)
        who = actor(customer)
        with tenant_scope(tenant.id):
            post_message(actor=who, conversation_id=ticket.conversation_id, content="Where is it?")
    portal = api.as_(customer)
    relay_all()

    counted = {}
    for route, call in calls(portal, customer, api, tenant, messages=tickets).items():
        with Counted() as statements:
            response = call()
        assert response.status_code < 300, response.content
        counted[route] = len(statements.statements)

    assert counted == STATEMENTS


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
