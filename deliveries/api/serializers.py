"""What the platform tells about orders and deliveries."""

from typing import Any

from rest_framework import serializers

from deliveries.models import DeliveryStatus
from ondi.api.fields import BoundedIntegerField, InstantField, PlainTextField
from ondi.tenants.models import Language
from orders.models import OrderStatus, PaymentStatus

MOST_ROWS = 500


def text(longest: int, **options: Any) -> PlainTextField:
    return PlainTextField(max_length=longest, one_line=True, **options)


class CustomerRow(serializers.Serializer[Any]):
    external_id = text(200)
    email = serializers.EmailField(max_length=254, required=False)
    first_name = text(150, required=False)
    last_name = text(150, required=False)
    phone = text(40, required=False)
    language = serializers.ChoiceField(choices=Language.choices, required=False)


class OrderRow(serializers.Serializer[Any]):
    external_id = text(200)
    customer = CustomerRow()
    order_number = text(64, source="number")
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", required=False, allow_null=True)
    total_amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    item_count = BoundedIntegerField(required=False, allow_null=True)
    placed_at = InstantField()
    source_updated_at = InstantField()


class DeliveryRow(serializers.Serializer[Any]):
    external_id = text(200)
    customer = CustomerRow()
    order_external_id = text(200, required=False, allow_null=True)
    delivery_code = BoundedIntegerField(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    to = text(500, source="to_address", required=False, allow_null=True)
    promised_at = InstantField(required=False, allow_null=True)
    delivered_at = InstantField(required=False, allow_null=True)
    source_updated_at = InstantField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's own, so it cannot be an attribute of the class."""
        return {**super().get_fields(), "from": text(500, source="from_address", required=False, allow_null=True)}


class OrdersBody(serializers.Serializer[Any]):
    orders = serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_ROWS)


class DeliveriesBody(serializers.Serializer[Any]):
    deliveries = serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_ROWS)


class DocumentedOrders(serializers.Serializer[Any]):
    orders = OrderRow(many=True)


class DocumentedDeliveries(serializers.Serializer[Any]):
    deliveries = DeliveryRow(many=True)


class FieldFault(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class RowResult(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=["created", "updated", "unchanged", "rejected"])
    errors = serializers.DictField(  # type: ignore[assignment]  # a key of the contract
        child=FieldFault(many=True), allow_null=True
    )
