"""Which links go with which source of a ticket."""

from uuid import UUID

import pytest

from support.policies import misplaced_links
from support.vocabulary import TicketSource

DELIVERY, ORDER = UUID(int=1), UUID(int=2)
NO_DELIVERY, NO_ORDER = {"related_delivery_id": ["not_allowed"]}, {"related_order_id": ["not_allowed"]}
ORDER_WANTED = {"related_order_id": ["required"]}


@pytest.mark.parametrize(("source", "delivery", "order", "faults"), [
    (TicketSource.STOREFRONT, None, ORDER, {}),
    (TicketSource.STOREFRONT, None, None, ORDER_WANTED),
    (TicketSource.STOREFRONT, DELIVERY, ORDER, NO_DELIVERY),
    (TicketSource.STOREFRONT, DELIVERY, None, NO_DELIVERY | ORDER_WANTED),
    (TicketSource.CUSTOMER_PORTAL, None, None, {}),
    (TicketSource.CUSTOMER_PORTAL, DELIVERY, None, {}),
    (TicketSource.CUSTOMER_PORTAL, None, ORDER, NO_ORDER),
    (TicketSource.CUSTOMER_PORTAL, DELIVERY, ORDER, NO_ORDER),
    (TicketSource.PHONE, None, None, {}),
    (TicketSource.PHONE, DELIVERY, None, {}),
    (TicketSource.PHONE, None, ORDER, {}),
    (TicketSource.PHONE, DELIVERY, ORDER, NO_ORDER),
])  # fmt: skip
def test_each_source_has_its_links(source, delivery, order, faults):
    assert misplaced_links(source, delivery, order) == faults
