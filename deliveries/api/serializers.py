"""What the platform tells about orders and deliveries."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from deliveries.models import DeliveryStatus
from ondi.accounts.customers import customer_details
from ondi.api.fields import BoundedIntegerField, InstantField, PlainTextField
from ondi.api.schema import FAULT_CODES, FieldFaultData
from ondi.common.times import is_ahead
from ondi.tenants.models import Language
from orders.models import OrderStatus, PaymentStatus

MOST_ROWS = 500


def text(longest: int, **options: Any) -> PlainTextField:
    return PlainTextField(max_length=longest, one_line=True, **options)


class SourceTimeField(InstantField):
    """When the source wrote a row. A clock that is a day ahead would keep all later news out, so it is refused."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if is_ahead(moment, timezone.now()):
            self.fail("invalid", format="ISO 8601")
        return moment


class CustomerRow(serializers.Serializer[Any]):
    """Who it is decides about the row; what is said of them does not (`customer_details`)."""

    external_id = text(200)
    email = serializers.EmailField(max_length=254, required=False, allow_null=True, allow_blank=True)
    first_name = text(150, required=False, allow_null=True, allow_blank=True)
    last_name = text(150, required=False, allow_null=True, allow_blank=True)
    phone = text(40, required=False, allow_null=True, allow_blank=True)
    language = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text=f"{', '.join(Language.values)}; others are left out.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid", datatype=type(data).__name__)
        identity = {name: value for name, value in data.items() if name == "external_id"}
        details, left_out = customer_details(data)
        return {**super().to_internal_value(identity), "details": details, "left_out": left_out}


class TolerantSerializer(serializers.Serializer[Any]):
    """What may be null may be empty text as well, which shops send for it."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            nullable = {name for name, field in self.fields.items() if field.allow_null}
            data = {name: None if value == "" and name in nullable else value for name, value in data.items()}
        return super().to_internal_value(data)


class OrderRow(TolerantSerializer):
    external_id = text(200)
    customer = CustomerRow()
    order_number = text(64, source="number")
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", required=False, allow_null=True)
    total_amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    item_count = BoundedIntegerField(required=False, allow_null=True)
    placed_at = InstantField()
    store = text(100, required=False, allow_null=True)
    source_updated_at = SourceTimeField()


class DeliveryRow(TolerantSerializer):
    external_id = text(200)
    customer = CustomerRow()
    order_external_id = text(200, required=False, allow_null=True)
    delivery_code = BoundedIntegerField(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    to = text(500, source="to_address", required=False, allow_null=True)
    promised_at = InstantField(required=False, allow_null=True)
    delivered_at = InstantField(required=False, allow_null=True)
    store = text(100, required=False, allow_null=True)
    source_updated_at = SourceTimeField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's own, so it cannot be an attribute of the class."""
        return {**super().get_fields(), "from": text(500, source="from_address", required=False, allow_null=True)}


class OrdersBody(serializers.Serializer[Any]):
    orders = serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_ROWS)


class DeliveriesBody(serializers.Serializer[Any]):
    deliveries = serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_ROWS)


@extend_schema_serializer(component_name="OrdersBody")
class DocumentedOrders(serializers.Serializer[Any]):
    orders = serializers.ListField(child=OrderRow(), min_length=1, max_length=MOST_ROWS)


@extend_schema_serializer(component_name="DeliveriesBody")
class DocumentedDeliveries(serializers.Serializer[Any]):
    deliveries = serializers.ListField(child=DeliveryRow(), min_length=1, max_length=MOST_ROWS)


class RowWarning(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.ChoiceField(choices=FAULT_CODES)


class RowResult(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=["created", "updated", "unchanged", "rejected"])
    errors = serializers.DictField(  # type: ignore[assignment]  # a key of the contract
        child=FieldFaultData(many=True), allow_null=True
    )
    warnings = RowWarning(many=True)
