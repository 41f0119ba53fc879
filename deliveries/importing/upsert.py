"""Writing a batch of imported rows: customers, orders and deliveries by their external ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password

from deliveries.importing.rows import ImportRow, Rejection
from deliveries.models import Delivery
from ondi.accounts.models import Membership, User
from ondi.tenants.scope import tenant_scope
from orders.models import Order

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


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
            customers = self._customers(rows)
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

    def _customers(self, rows: Sequence[ImportRow]) -> dict[str, Membership]:
        """The customers of these rows by external id; new ones have no e-mail and cannot sign in."""
        wanted = {row.customer["external_id"]: row.customer for row in rows}
        members = Membership.objects.in_tenants([self.tenant_id]).filter(external_id__in=wanted)
        known = {str(member.external_id): member for member in members}
        new = {name: fields for name, fields in wanted.items() if name not in known}
        users = User.objects.bulk_create([User(password=make_password(None)) for _name in new])
        added = [
            Membership(tenant_id=self.tenant_id, user=user, **fields)
            for user, fields in zip(users, new.values(), strict=True)
        ]
        Membership.objects.bulk_create(added)
        known.update({str(member.external_id): member for member in added})
        for name, fields in wanted.items():
            if name not in new and _changes(known[name], fields):
                known[name].save(update_fields=list(fields))
        return known

    def _write_orders(self, rows: Sequence[ImportRow], customers: dict[str, Membership]) -> dict[int, str]:
        wanted = {row.line: {**row.order, "customer_id": customers[row.customer["external_id"]].id} for row in rows}
        return self._write(Order, wanted)

    def _write_deliveries(self, rows: Sequence[ImportRow], customers: dict[str, Membership]) -> dict[int, str]:
        orders = Order.objects.with_external_ids(self.tenant_id, [row.order["external_id"] for row in rows])
        order_ids = dict(orders.values_list("external_id", "id"))
        wanted = {
            row.line: {
                **row.delivery,
                "customer_id": customers[row.customer["external_id"]].id,
                "order_id": order_ids[row.order["external_id"]],
            }
            for row in rows
            if row.delivery
        }
        return self._write(Delivery, wanted)

    def _write(self, model: type[Order] | type[Delivery], wanted: dict[int, dict[str, Any]]) -> dict[int, str]:
        """Upsert by external id: what became of each line."""
        external_ids = [fields["external_id"] for fields in wanted.values()]
        found = model.objects.with_external_ids(self.tenant_id, external_ids)
        existing = {row.external_id: row for row in found.locked()}
        outcomes, new, changed = {}, [], []
        for line, fields in wanted.items():
            row = existing.get(fields["external_id"])
            if row is None:
                new.append(model(tenant_id=self.tenant_id, **fields))
                outcomes[line] = CREATED
            elif _changes(row, fields):
                changed.append(row)
                outcomes[line] = UPDATED
            else:
                outcomes[line] = UNCHANGED
        model.objects.bulk_create(new)  # type: ignore[arg-type]
        for row in changed:
            row.save()
        return outcomes


def _changes(row: Any, fields: dict[str, Any]) -> bool:
    """Set these fields; True where that changed anything."""
    changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)
