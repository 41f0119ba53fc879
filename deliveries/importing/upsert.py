"""Writing a batch of imported rows: customers, orders and deliveries by their external ids."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deliveries.importing.rows import ImportRow
from deliveries.importing.table import Rejection
from deliveries.intake import Obstacle, judge
from deliveries.models import Delivery
from deliveries.services import upsert_deliveries
from ondi.accounts.customers import CustomerNews, KnownCustomer, compare_customers, upsert_customers
from ondi.common.errors import FIELD_MESSAGES
from ondi.common.upsert import CREATED, UNCHANGED, UPDATED, is_outdated
from orders.models import Order
from orders.services import upsert_orders


@dataclass(slots=True)
class ImportReport:
    counts: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    moved_times: list[tuple[int, str]] = field(default_factory=list)
    doubled_times: list[tuple[int, str]] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)


class Importer:
    """Takes rows into one tenant, batch by batch; the transaction and its scope are the caller's."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.report = ImportReport()
        self._seen: dict[tuple[str, Any], int] = {}
        self._rejected: list[Rejection] = []

    def acceptable(self, batch: Sequence[ImportRow]) -> list[ImportRow]:
        """The rows that may go in; the others are rejected, see `take_rejections`. Needs the tenant in scope."""
        return self.with_free_numbers([row for row in batch if not self._repeats(row)])

    def take_rejections(self) -> list[Rejection]:
        """What was rejected here since this was last asked."""
        rejected, self._rejected = self._rejected, []
        return rejected

    def changes(self, rows: Sequence[ImportRow]) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """By line: what would be different, before and after; nothing where all is so already. Reads only.

        Notes for the report what these rows lose: times in a clock change, details of customers.
        """
        orders = self._by_external_id(Order, [row.order["external_id"] for row in rows])
        deliveries = self._by_external_id(Delivery, [row.delivery["external_id"] for row in rows if row.delivery])
        current = self._current(rows, orders)
        customers = self._customers(current, compare_customers)
        self._note(rows, customers)
        told = {}
        for row in rows:
            order, customer = orders.get(row.order["external_id"]), customers.get(row.line)
            before: dict[str, Any] = {}
            after: dict[str, Any] = {}
            if customer is not None:
                before |= {f"customer {name}": value for name, value in customer.before.items()}
                after |= {f"customer {name}": value for name, value in customer.after.items()}
                _tell("order", order, row.order, before, after)
                if order is not None and order.customer_id != customer.id:
                    after["order customer"] = row.customer["external_id"]
            if row.delivery:
                _tell("delivery", deliveries.get(row.delivery["external_id"]), row.delivery, before, after)
            told[row.line] = (before, after)
        return told

    def _note(self, rows: Sequence[ImportRow], customers: Mapping[int, KnownCustomer]) -> None:
        for row in rows:
            self.report.moved_times += [(row.line, column) for column in row.moved_times]
            self.report.doubled_times += [(row.line, column) for column in row.doubled_times]
            left_out = row.left_out | dict(customers[row.line].left_out if row.line in customers else {})
            self.report.left_out += [(row.line, f"{name} ({FIELD_MESSAGES[code]})") for name, code in left_out.items()]

    def _current(self, rows: Sequence[ImportRow], orders: Mapping[str, Order]) -> list[ImportRow]:
        """The rows that are not older than their order here; the others leave it and its customer as they are."""
        return [
            row
            for row in rows
            if (order := orders.get(row.order["external_id"])) is None
            or not is_outdated(row.order.get("source_updated_at"), order.source_updated_at)
        ]

    def _customers(
        self, rows: Sequence[ImportRow], take: Callable[..., list[KnownCustomer]]
    ) -> dict[int, KnownCustomer]:
        news = [
            CustomerNews(
                row.customer["external_id"],
                {name: value for name, value in row.customer.items() if name != "external_id"},
                row.order.get("source_updated_at") or (row.delivery or {}).get("source_updated_at"),
                is_guest=row.is_guest,
            )
            for row in rows
        ]
        taken = take(tenant_id=self.tenant_id, news=news)
        return {row.line: customer for row, customer in zip(rows, taken, strict=True)}

    def _by_external_id(self, model: Any, external_ids: Sequence[str]) -> dict[str, Any]:
        found = model._default_manager.in_tenants([self.tenant_id]).filter(external_id__in=external_ids)
        return {row.external_id: row for row in found}

    def write(self, rows: Sequence[ImportRow]) -> dict[int, str]:
        """Upsert these rows; what became of each, by line. Needs the tenant in scope, and `hold_intake`."""
        orders = self._by_external_id(Order, [row.order["external_id"] for row in rows])
        current = self._current(rows, orders)
        customers = self._customers(current, upsert_customers)
        outcomes = {row.line: UNCHANGED for row in rows}
        outcomes |= {line: UPDATED for line, customer in customers.items() if customer.before}
        buyers = {row.line: order.customer_id for row in rows if (order := orders.get(row.order["external_id"]))}
        buyers |= {line: customer.id for line, customer in customers.items()}
        for line, outcome in self._write_orders(current, buyers).items():
            outcomes[line] = outcome if outcome != UNCHANGED else outcomes[line]
        for line, outcome in self._write_deliveries(rows, buyers).items():
            if outcomes[line] == UNCHANGED:
                outcomes[line] = UPDATED if outcome == CREATED else outcome
        self.report.counts.update(outcomes.values())
        return outcomes

    def _repeats(self, row: ImportRow) -> bool:
        keys: list[tuple[str, Any]] = [("order", row.order["external_id"]), ("order number", row.order["number"])]
        if row.delivery:
            keys.append(("delivery", row.delivery["external_id"]))
            if code := row.delivery.get("delivery_code"):
                keys.append(("delivery code", code))
        for key in keys:
            if key in self._seen:
                self._reject(row, f"{key[0]} {key[1]} stands in line {self._seen[key]} already")
                return True
        self._seen.update(dict.fromkeys(keys, row.line))
        return False

    def with_free_numbers(self, rows: Sequence[ImportRow]) -> list[ImportRow]:
        """Without the rows whose order number or delivery code belongs to another order or delivery here: rejected."""
        with_delivery = [row for row in rows if row.delivery]
        orders = judge(Order.objects.in_tenants([self.tenant_id]), "number", [row.order for row in rows])
        deliveries = judge(
            Delivery.objects.in_tenants([self.tenant_id]),
            "delivery_code",
            [row.delivery or {} for row in with_delivery],
        )
        of_order = {row.line: judged.obstacle for row, judged in zip(rows, orders, strict=True)}
        of_delivery = {row.line: judged.obstacle for row, judged in zip(with_delivery, deliveries, strict=True)}
        kept = []
        for row in rows:
            if of_order[row.line] is Obstacle.TAKEN:
                self._reject(row, f"order number {row.order['number']} belongs to another order")
            elif of_delivery.get(row.line) is Obstacle.TAKEN:
                self._reject(row, f"delivery code {(row.delivery or {})['delivery_code']} belongs to another delivery")
            else:
                kept.append(row)
        return kept

    def _reject(self, row: ImportRow, why: str) -> None:
        self._rejected.append(Rejection(row.line, why))

    def _write_orders(self, rows: Sequence[ImportRow], buyers: Mapping[int, UUID]) -> dict[int, str]:
        wanted = [{**row.order, "customer_id": buyers[row.line]} for row in rows]
        results = upsert_orders(tenant_id=self.tenant_id, wanted=wanted)
        return {row.line: result.status for row, result in zip(rows, results, strict=True)}

    def _write_deliveries(self, rows: Sequence[ImportRow], buyers: Mapping[int, UUID]) -> dict[int, str]:
        orders = Order.objects.with_external_ids(self.tenant_id, [row.order["external_id"] for row in rows])
        order_ids = dict(orders.values_list("external_id", "id"))
        with_delivery = [row for row in rows if row.delivery]
        wanted = [
            {
                **(row.delivery or {}),
                "customer_id": buyers[row.line],
                "order_id": order_ids[row.order["external_id"]],
            }
            for row in with_delivery
        ]
        results = upsert_deliveries(tenant_id=self.tenant_id, wanted=wanted, announce=False)
        return {row.line: result.status for row, result in zip(with_delivery, results, strict=True)}


def _tell(name: str, known: Any, fields: Mapping[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Add what these fields would change in the row that is known, if there is one."""
    if known is not None and is_outdated(fields.get("source_updated_at"), known.source_updated_at):
        return
    for field_name, value in fields.items():
        if known is None or getattr(known, field_name) != value:
            before[f"{name} {field_name}"] = getattr(known, field_name) if known else None
            after[f"{name} {field_name}"] = value
