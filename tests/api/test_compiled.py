"""What is compiled once is what the querysets say: recompiled, it is the same, and so are the rows."""

from itertools import combinations

import pytest

from ondi.common.compiled import PAGE
from ondi.tenants.scope import tenant_scope
from support.api.reads import HOT
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db
FILTERS = ("source", "status", "delivery_id", "order_id")


@pytest.fixture
def customer():
    return MemberFactory(tenant=TenantFactory())


@pytest.fixture
def tickets(customer):
    agent = MemberFactory(tenant=customer.tenant, agent=True)
    delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
    order = OrderFactory(tenant=customer.tenant, customer=customer)
    make_ticket(MemberFactory(tenant=customer.tenant))
    return [
        make_ticket(customer, delivery=delivery, agent=agent), make_ticket(customer, order=order),
        make_ticket(customer, agent=agent, closed_by=agent), make_ticket(agent),
    ]  # fmt: skip


def values_for(name, ticket):
    return {"own detail": {"ticket": ticket.id}, "queued": {"tickets": [ticket.id]}}.get(name, {})


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("number", range(len(FILTERS) + 1))
def test_rows_are_those_of_the_queryset(customer, tickets, name, number):
    compiled = HOT[name]
    viewer = actor(MemberFactory(tenant=customer.tenant, agent=True) if name == "queued" else customer)
    for chosen in combinations(FILTERS, number) if name in ("own", "own page") else [()]:
        for ticket in tickets:
            given = {**{field: getattr(ticket, field) for field in chosen}, **values_for(name, ticket)}
            given = {field: value for field, value in given.items() if value is not None}
            with tenant_scope(customer.tenant_id):
                expected = list(compiled.fresh(viewer, page=slice(1, 3), **given))
                assert compiled.rows(viewer, start=1, limit=2, **given) == expected
                if name == "own":
                    assert compiled.count(viewer, **given) == len(expected)


@pytest.mark.parametrize("name", HOT)
def test_kept_statement_is_what_django_makes_of_it_now(customer, name):
    compiled, viewer = HOT[name], actor(customer)
    given = {"own detail": {"ticket": customer.id}, "queued": {"tickets": customer.id}}.get(name)
    given = given or dict.fromkeys(FILTERS, customer.id)
    now = str(compiled.fresh(viewer, page=PAGE, **given).query.sql_with_params()[0])

    assert compiled.statement_for(viewer, given) == now.replace("LIMIT 20000001 OFFSET 10000001", "LIMIT %s OFFSET %s")
