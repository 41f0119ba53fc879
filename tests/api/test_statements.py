"""How many statements each call costs, entering included, whatever the size of the data.

BEGIN, COMMIT, SAVEPOINT, RELEASE are not counted (DESIGN.md section 5).
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.test_permissions import TABLE
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)

NOT_COUNTED = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")
TICKETS = "customer/support/tickets"

# (method, route): exact statements. The limits of the contract: get 3, list 4, create 12, close 11.
STATEMENTS = {
    ("GET", "health/live"): 0,
    ("GET", "health/ready"): 1,
    ("POST", "auth/login"): 11,
    ("POST", "auth/refresh"): 6,
    ("POST", "auth/logout"): 4,
    ("POST", "auth/password"): 8,
    ("GET", "users/me"): 1,
    ("GET", TICKETS): 3,
    ("POST", TICKETS): 9,
    ("GET", TICKETS + "/<str:ticket_id>"): 2,
    ("POST", TICKETS + "/<str:ticket_id>/close"): 9,
    ("GET", "customer/support/summary"): 2,
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


def calls(portal, customer, api):
    """Each route called once, to count."""
    delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
    ticket = make_ticket(customer)
    session = api.post("/auth/login", {"email": customer.user.email, "password": "correct horse battery"}).json()
    tokens = {"refresh_token": session["data"]["refresh_token"]}
    new = {"subject": "Help", "message": "Help", "related_delivery_id": str(delivery.id)}
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
        ("POST", "auth/refresh"): lambda: api.post("/auth/refresh", tokens),
        ("POST", "auth/login"): lambda: api.post(
            "/auth/login", {"email": customer.user.email, "password": "correct horse battery"}
        ),
        ("POST", "auth/logout"): lambda: api.post("/auth/logout", tokens),
        ("POST", "auth/password"): lambda: portal.post("/auth/password", passwords),
    }


def test_every_route_is_in_the_table():
    assert set(STATEMENTS) == set(TABLE)


@pytest.mark.parametrize("tickets", [1, 50])
def test_statements_are_what_the_table_says(api, tickets):
    tenant = TenantFactory(allow_customer_close=True)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    for number in range(tickets):
        order = OrderFactory(tenant=tenant, customer=customer) if number % 2 else None
        make_ticket(customer, order=order, agent=agent if number % 3 else None)
    portal = api.as_(customer)

    counted = {}
    for route, call in calls(portal, customer, api).items():
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

    assert [len(found.statements) for found in (first, replayed, conflict)] == [12, 3, 8]
