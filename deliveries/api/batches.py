"""Taking in a batch: each row by itself, the good ones kept whatever the others are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.serializers import Serializer

from deliveries.api.serializers import DeliveryRow, OrderRow
from deliveries.intake import Obstacle, judge
from deliveries.models import Delivery
from deliveries.services import upsert_deliveries
from ondi.accounts.customers import CustomerNews, upsert_customers
from ondi.api.errors import invalid_input
from ondi.common.errors import described
from ondi.common.text import is_storable
from ondi.common.upsert import UNCHANGED, Upserted, hold_intake
from orders.models import Order
from orders.services import upsert_orders

Faults = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class _Row:
    index: int
    external_id: str | None
    fields: dict[str, Any]
    faults: Faults | None = None
    result: Upserted | None = None
    left_out: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def take_orders(tenant_id: UUID, given: Sequence[Any]) -> list[dict[str, Any]]:
    """Upsert orders and their customers; one result a row. Needs the tenant in scope."""
    hold_intake(tenant_id)
    rows = _read(OrderRow, given)
    _compare(rows, Order.objects.in_tenants([tenant_id]), "number", "order_number")
    _write_customers(tenant_id, rows)
    good = _good(rows)
    results = upsert_orders(tenant_id=tenant_id, wanted=[row.fields for row in good])
    return _report(rows, good, results)


@transaction.atomic
def take_deliveries(tenant_id: UUID, given: Sequence[Any]) -> list[dict[str, Any]]:
    """Upsert deliveries and their customers; one result a row. Needs the tenant in scope.

    An order the tenant does not have rejects its row, even where another tenant has it.
    """
    hold_intake(tenant_id)
    rows = _read(DeliveryRow, given)
    _link_orders(tenant_id, rows)
    _compare(rows, Delivery.objects.in_tenants([tenant_id]), "delivery_code", "delivery_code")
    _write_customers(tenant_id, rows)
    good = _good(rows)
    results = upsert_deliveries(tenant_id=tenant_id, wanted=[row.fields for row in good])
    return _report(rows, good, results)


def _read(serializer: type[Serializer[Any]], given: Sequence[Any]) -> list[_Row]:
    rows, seen = [], set()
    for index, raw in enumerate(given):
        bound = serializer(data=raw)
        row = _Row(index, _told_id(raw), {})
        if not bound.is_valid():
            row.faults = invalid_input(bound.errors).fields
        elif bound.validated_data["external_id"] in seen:
            row.faults = {"external_id": ["not_allowed"]}
        else:
            row.fields = dict(bound.validated_data)
            row.left_out = row.fields["customer"]["left_out"]
            seen.add(row.fields["external_id"])
        rows.append(row)
    return rows


def _told_id(raw: Any) -> str | None:
    """The row's external id to answer with, if it is one at all."""
    external_id = raw.get("external_id") if isinstance(raw, dict) else None
    return external_id if isinstance(external_id, str) and is_storable(external_id) else None


def _good(rows: Sequence[_Row]) -> list[_Row]:
    """The rows that are to be written."""
    return [row for row in rows if row.faults is None and row.result is None]


def _link_orders(tenant_id: UUID, rows: Sequence[_Row]) -> None:
    named = {row.fields["order_external_id"] for row in _good(rows) if row.fields.get("order_external_id")}
    orders = dict(Order.objects.with_external_ids(tenant_id, list(named)).values_list("external_id", "id"))
    for row in _good(rows):
        if "order_external_id" not in row.fields:
            continue
        name = row.fields.pop("order_external_id")
        if name is not None and name not in orders:
            row.faults = {"order_external_id": ["invalid"]}
        row.fields["order_id"] = orders.get(name)


def _compare(rows: Sequence[_Row], existing: Any, column: str, named_as: str) -> None:
    """Set aside what is not to be written: older news, and numbers that are another's."""
    good = _good(rows)
    for row, judged in zip(good, judge(existing, column, [row.fields for row in good]), strict=True):
        if judged.obstacle is Obstacle.OUTDATED:
            row.result = Upserted(judged.known, UNCHANGED, {})
        elif judged.obstacle is Obstacle.TAKEN:
            row.faults = {named_as: ["not_allowed"]}


def _write_customers(tenant_id: UUID, rows: Sequence[_Row]) -> None:
    """The customers of the rows that are written; those of older news stay as they are, like their rows."""
    good = _good(rows)
    told = [row.fields.pop("customer") for row in good]
    news = [
        CustomerNews(customer["external_id"], customer["details"], row.fields["source_updated_at"])
        for row, customer in zip(good, told, strict=True)
    ]
    for row, customer in zip(good, upsert_customers(tenant_id=tenant_id, news=news), strict=True):
        row.fields["customer_id"] = customer.id
        row.left_out |= customer.left_out


def _report(rows: Sequence[_Row], good: Sequence[_Row], results: Sequence[Upserted]) -> list[dict[str, Any]]:
    for row, result in zip(good, results, strict=True):
        row.result = result
    return [
        {
            "index": row.index,
            "external_id": row.external_id,
            "id": str(row.result.row.id) if row.result else None,
            "status": row.result.status if row.result else "rejected",
            "errors": described(row.faults) if row.faults else None,
            "warnings": [{"field": f"customer.{name}", "code": code} for name, code in row.left_out.items()],
        }
        for row in rows
    ]
