"""What the database itself refuses about tickets, whatever the code does."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer():
    return MemberFactory(tenant=TenantFactory())


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"source": "storefront"}, "support_ticket_storefront_has_order"),
        ({"source": "customer_portal", "order": True}, "support_ticket_portal_has_no_order"),
        ({"source": "storefront", "order": True, "delivery": True}, "support_ticket_storefront_has_no_delivery"),
        ({"source": "phone", "order": True, "delivery": True}, "support_ticket_phone_has_one_item"),
        ({"status": "closed"}, "support_ticket_closed_has_time"),
        ({"closed_at": timezone.now()}, "support_ticket_closed_has_time"),
        ({"waiting_on": None}, "support_ticket_closed_has_time"),
        ({"number": 1}, "support_ticket_number"),
    ],
)
def test_impossible_tickets_are_refused(customer, change, constraint):
    make_ticket(customer)
    ticket = make_ticket(customer)
    links = {"order": OrderFactory, "delivery": DeliveryFactory}
    values = {
        name: links[name](tenant=customer.tenant, customer=customer) if value is True else value
        for name, value in change.items()
    }

    with pytest.raises(IntegrityError, match=constraint), tenant_scope(customer.tenant_id):
        Ticket.objects.filter(pk=ticket.pk).update(**values)


@pytest.mark.parametrize("item", ["order", "delivery"])
def test_two_open_tickets_on_one_item_are_refused(customer, item):
    factory = {"order": OrderFactory, "delivery": DeliveryFactory}[item]
    first = make_ticket(customer, **{item: factory(tenant=customer.tenant, customer=customer)})
    second = make_ticket(customer, **{item: factory(tenant=customer.tenant, customer=customer)})

    with pytest.raises(IntegrityError, match=f"one_open_per_{item}"), tenant_scope(customer.tenant_id):
        Ticket.objects.filter(pk=second.pk).update(**{item: getattr(first, item)})
