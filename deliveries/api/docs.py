"""What the OpenAPI document says of the integrations."""

from deliveries.api.serializers import DocumentedDeliveries, DocumentedOrders, RowResult
from ondi.accounts.errors import ApiKeyInvalid
from ondi.api.schema import documented
from ondi.common.errors import PermissionDenied

CUSTOMER = {"external_id": "c-77", "email": "layla@example.org", "first_name": "Layla", "last_name": "Hassan"}
ORDER = {
    "external_id": "o-1",
    "customer": CUSTOMER,
    "order_number": "TI-10001",
    "status": "shipped",
    "payment_status": "paid",
    "currency": "USD",
    "total_amount": "49.90",
    "item_count": 1,
    "placed_at": "2026-11-20T09:00:00Z",
    "store": "Mansour Mall",
    "source_updated_at": "2026-11-23T09:00:00Z",
}
DELIVERY = {
    "external_id": "d-1",
    "customer": CUSTOMER,
    "order_external_id": "o-1",
    "delivery_code": 1909,
    "status": "delivered",
    "from": "Karrada, Baghdad",
    "to": "Mansour, Baghdad",
    "promised_at": "2026-11-23T08:00:00Z",
    "delivered_at": "2026-11-23T09:10:00Z",
    "source_updated_at": "2026-11-23T09:10:00Z",
}
RESULT = {
    "index": 0,
    "external_id": "o-1",
    "id": "0197f0a0-0000-7000-8000-000000000012",
    "status": "created",
    "errors": None,
    "warnings": [],
}
RULES = (
    "1 to 500 rows, by `external_id`; customers too, so a guest needs one of their own. Keys left out stay; "
    "`null` or an empty text clears what may be empty. An older `source_updated_at` is `unchanged`, and so is its "
    "customer: a customer keeps the newest one that wrote them. One more than a day ahead of the server's clock "
    "rejects its row, as does a date that is not between 1900 and 2199, or a second row with one `external_id`. "
    "One bad row never blocks the others; repeats change nothing. What is wrong with a detail of a customer never "
    "costs the row: it is left out, and named in `warnings` (`not_allowed`: an address of somebody else here, or "
    "in place of the one they sign in with)."
)

put_orders = documented(
    "PUT integrations/orders",
    "putOrders",
    "Create or update orders",
    message="Orders taken in",
    description=RULES,
    body=DocumentedOrders,
    body_examples={"One order": {"orders": [ORDER]}},
    data={"results": RowResult(many=True)},
    example={"results": [RESULT]},
    refusals=[ApiKeyInvalid(), PermissionDenied()],
    api_key=True,
)
put_deliveries = documented(
    "PUT integrations/deliveries",
    "putDeliveries",
    "Create or update deliveries",
    message="Deliveries taken in",
    description=RULES
    + " A delivery that becomes `delivered`, `returned` or `cancelled` while a ticket on it is open leaves "
    "one message in that ticket's conversation.",
    body=DocumentedDeliveries,
    body_examples={"One delivery": {"deliveries": [DELIVERY]}},
    data={"results": RowResult(many=True)},
    example={"results": [{**RESULT, "external_id": "d-1"}]},
    refusals=[ApiKeyInvalid(), PermissionDenied()],
    api_key=True,
)
