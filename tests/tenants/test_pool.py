"""Twenty tenants over two connections, a third of the requests failing midway: nobody sees another's row."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from ondi.common.connections import BoundedConnection
from ondi.tenants.scope import find_tenants
from tests.factories import MemberFactory, TenantFactory, make_ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

TENANTS, REQUESTS, THREADS, CONNECTIONS = 20, 200, 6, 2
TICKETS = "/customer/support/tickets"


@pytest.fixture
def pool():
    """The product's own pool, with two connections in it."""
    options = connection.settings_dict["OPTIONS"]
    connections.close_all()
    options["pool"] = {
        "connection_class": BoundedConnection, "min_size": CONNECTIONS, "max_size": CONNECTIONS, "timeout": 30,
    }  # fmt: skip
    yield lambda: connection.pool
    connection.close_pool()
    del options["pool"]
    connections.close_all()


@pytest.fixture
def broken_history(owner):
    """Every third request dies in the middle of its transaction, with its rows written and its scope set."""
    owner().execute("ALTER TABLE support_ticket ADD CONSTRAINT broken CHECK (subject <> 'dies midway') NOT VALID; ")
    yield
    owner().execute("ALTER TABLE support_ticket DROP CONSTRAINT broken")


def test_nothing_crosses_and_nothing_stays(api, pool, broken_history):
    tenants = [TenantFactory() for _number in range(TENANTS)]
    customers = [MemberFactory(tenant=tenant) for tenant in tenants]
    for number, customer in enumerate(customers):
        make_ticket(customer, subject=f"of tenant {number}", message=f"of tenant {number}")
    portals = [api.as_(customer) for customer in customers]
    connections.close_all()

    def call(number):
        who = number % TENANTS
        try:
            if number % 3 == 0:
                return who, portals[who].post(TICKETS, {"subject": "dies midway", "message": "x"})
            return who, portals[who].get(TICKETS)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(call, range(REQUESTS)))

    assert Counter(answer.status_code for _who, answer in answers) == {500: 67, 200: 133}
    for who, answer in answers:
        if answer.status_code == 200:
            assert [row["subject"] for row in answer.json()["data"]["tickets"]] == [f"of tenant {who}"]
    assert pool().get_stats()["pool_size"] == CONNECTIONS
    held = [pool().getconn() for _number in range(CONNECTIONS)]
    try:
        for found in held:
            assert found.execute("SELECT current_setting('ondi.tenants', true)").fetchone()[0] in (None, "")
            assert found.execute("SELECT count(*) FROM support_ticket").fetchone() == (0,)
            found.rollback()
    finally:
        for found in held:
            pool().putconn(found)
    assert len(find_tenants()) == TENANTS
