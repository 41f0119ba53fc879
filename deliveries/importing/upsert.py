"""Writing a batch of imported rows: customers, orders and deliveries by their external ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deliveries.importing.rows import ImportRow, Rejection
from deliveries.models import Delivery
from deliveries.services import upsert_deliveries
from ondi.accounts.customers import upsert_customers
from ondi.common.upsert import CREATED, UNCHANGED, UPDATED
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from orders.services import upsert_orders


@dataclass(slots=True)
class ImportReport:
    counts: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    moved_times: list[tuple[int, str]] = field(default_factory=list)


class Importer:
    """Takes rows into one tenant, batch by batch, each in a transaction of its own."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.report = ImportReport()
        self._seen: dict[tuple[str, Any], int] = {}

    def reject(self, rejection: Rejection) -> None:
        self.report.rejections.append(rejection)

    def take(self, batch: Iterable[ImportRow]) -> None:
        """Upsert these rows. A row that stands in the way of another is rejected; the rest goes in."""
        rows = [row for row in batch if not self._repeats(row)]
        with tenant_scope(self.tenant_id):
            rows = self._without_taken_numbers(rows)
            people = {row.customer["external_id"]: row.customer for row in rows}
            customers = upsert_customers(tenant_id=self.tenant_id, people=people).ids
            outcomes = self._write_orders(rows, customers)
            for line, outcome in self._write_deliveries(rows, customers).items():
                if outcomes[line] == UNCHANGED:
                    outcomes[line] = UPDATED if outcome == CREATED else outcome
        self.report.counts.update(outcomes.values())
        self.report.moved_times += [(row.line, column) for row in rows for column in row.moved_times]

    def _repeats(self, row: ImportRow) -> bool:
        keys: list[tuple[str, Any]] = [("order", row.order["external_id"]), ("order number", row.order["number"])]
        if row.delivery:
            keys.append(("delivery", row.delivery["external_id"]))
            if code := row.delivery.get("delivery_code"):
                keys.append(("delivery code", code))
        for key in keys:
            if key in self._seen:
                self.reject(Rejection(row.line, f"{key[0]} {key[1]} stands in line {self._seen[key]} already"))
                return True
        self._seen.update(dict.fromkeys(keys, row.line))
        return False

    def _without_taken_numbers(self, rows: list[ImportRow]) -> list[ImportRow]:
        """Drop rows whose order number or delivery code belongs to another order or delivery here."""
        numbers = Order.objects.in_tenants([self.tenant_id]).filter(number__in=[row.order["number"] for row in rows])
        number_of = dict(numbers.values_list("number", "external_id"))
        codes = [row.delivery["delivery_code"] for row in rows if row.delivery and row.delivery.get("delivery_code")]
        coded = Delivery.objects.in_tenants([self.tenant_id]).filter(delivery_code__in=codes)
        code_of = {delivery.delivery_code: delivery.external_id for delivery in coded}
        kept = []
        for row in rows:
            number, code = row.order["number"], (row.delivery or {}).get("delivery_code")
            if number_of.get(number, row.order["external_id"]) != row.order["external_id"]:
                self.reject(Rejection(row.line, f"order number {number} belongs to another order"))
            elif row.delivery and code_of.get(code, row.delivery["external_id"]) != row.delivery["external_id"]:
                self.reject(Rejection(row.line, f"delivery code {code} belongs to another delivery"))
            else:
                kept.append(row)
        return kept

    def _write_orders(self, rows: Sequence[ImportRow], customers: dict[str, UUID]) -> dict[int, str]:
        wanted = [{**row.order, "customer_id": customers[row.customer["external_id"]]} for row in rows]
        results = upsert_orders(tenant_id=self.tenant_id, wanted=wanted)
        return {row.line: result.status for row, result in zip(rows, results, strict=True)}

    def _write_deliveries(self, rows: Sequence[ImportRow], customers: dict[str, UUID]) -> dict[int, str]:
        orders = Order.objects.with_external_ids(self.tenant_id, [row.order["external_id"] for row in rows])
        order_ids = dict(orders.values_list("external_id", "id"))
        with_delivery = [row for row in rows if row.delivery]
        wanted = [
            {
                **(row.delivery or {}),
                "customer_id": customers[row.customer["external_id"]],
                "order_id": order_ids[row.order["external_id"]],
            }
            for row in with_delivery
        ]
        results = upsert_deliveries(tenant_id=self.tenant_id, wanted=wanted, announce=False)
        return {row.line: result.status for row, result in zip(with_delivery, results, strict=True)}
