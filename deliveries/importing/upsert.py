"""Writing a batch of imported rows: customers, orders and deliveries by their external ids."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deliveries.importing.rows import ImportRow, Rejection
from deliveries.models import Delivery
from deliveries.services import upsert_deliveries
from ondi.accounts.customers import upsert_customers
from ondi.accounts.models import Membership
from ondi.common.upsert import CREATED, UNCHANGED, UPDATED
from orders.models import Order
from orders.services import upsert_orders


@dataclass(slots=True)
class ImportReport:
    counts: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    moved_times: list[tuple[int, str]] = field(default_factory=list)


class Importer:
    """Takes rows into one tenant, batch by batch; the transaction and its scope are the caller's."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.report = ImportReport()
        self._seen: dict[tuple[str, Any], int] = {}
        self._rejected: list[Rejection] = []

    def reject(self, rejection: Rejection) -> None:
        self.report.rejections.append(rejection)

    def acceptable(self, batch: Sequence[ImportRow]) -> list[ImportRow]:
        """The rows that may go in; the others are rejected, see `take_rejections`. Needs the tenant in scope."""
        return self._without_taken_numbers([row for row in batch if not self._repeats(row)])

    def take_rejections(self) -> list[Rejection]:
        """What `acceptable` rejected since this was last asked."""
        rejected, self._rejected = self._rejected, []
        return rejected

    def changes(self, rows: Sequence[ImportRow]) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """By line: what would be different, before and after; nothing where all is so already. Reads only."""
        members = self._by_external_id(Membership, [row.customer["external_id"] for row in rows])
        orders = self._by_external_id(Order, [row.order["external_id"] for row in rows])
        deliveries = self._by_external_id(Delivery, [row.delivery["external_id"] for row in rows if row.delivery])
        told = {}
        for row in rows:
            member, order = members.get(row.customer["external_id"]), orders.get(row.order["external_id"])
            parts = [("customer", member, row.customer), ("order", order, row.order)]
            if row.delivery:
                parts.append(("delivery", deliveries.get(row.delivery["external_id"]), row.delivery))
            before: dict[str, Any] = {}
            after: dict[str, Any] = {}
            for name, known, fields in parts:
                for field_name, value in fields.items():
                    if known is None or getattr(known, field_name) != value:
                        before[f"{name} {field_name}"] = getattr(known, field_name) if known else None
                        after[f"{name} {field_name}"] = value
            moved = order is not None and (member is None or order.customer_id != member.id)
            if moved:
                after["order customer"] = row.customer["external_id"]
            told[row.line] = (before, after)
        return told

    def _by_external_id(self, model: Any, external_ids: Sequence[str]) -> dict[str, Any]:
        found = model._default_manager.in_tenants([self.tenant_id]).filter(external_id__in=external_ids)
        return {row.external_id: row for row in found}

    def write(self, rows: Sequence[ImportRow]) -> dict[int, str]:
        """Upsert these rows; what became of each, by line. Needs the tenant in scope."""
        people = {row.customer["external_id"]: row.customer for row in rows}
        customers = upsert_customers(tenant_id=self.tenant_id, people=people).ids
        outcomes = self._write_orders(rows, customers)
        for line, outcome in self._write_deliveries(rows, customers).items():
            if outcomes[line] == UNCHANGED:
                outcomes[line] = UPDATED if outcome == CREATED else outcome
        self.report.counts.update(outcomes.values())
        self.report.moved_times += [(row.line, column) for row in rows for column in row.moved_times]
        return outcomes

    def _repeats(self, row: ImportRow) -> bool:
        keys: list[tuple[str, Any]] = [("order", row.order["external_id"]), ("order number", row.order["number"])]
        if row.delivery:
            keys.append(("delivery", row.delivery["external_id"]))
            if code := row.delivery.get("delivery_code"):
                keys.append(("delivery code", code))
        for key in keys:
            if key in self._seen:
                self._rejected.append(
                    Rejection(row.line, f"{key[0]} {key[1]} stands in line {self._seen[key]} already")
                )
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
                self._rejected.append(Rejection(row.line, f"order number {number} belongs to another order"))
            elif row.delivery and code_of.get(code, row.delivery["external_id"]) != row.delivery["external_id"]:
                self._rejected.append(Rejection(row.line, f"delivery code {code} belongs to another delivery"))
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
