"""The import on the harness of data fixes: planned, recorded, undone."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from deliveries.importing.mapping import ImportMapping
from deliveries.importing.rows import ImportRow, Repeats, find_repeats, read_rows
from deliveries.importing.table import Rejection
from deliveries.importing.upsert import Importer
from ondi.common.upsert import UNCHANGED, hold_intake
from ondi.datafixes.fixes import Batch, Fix, Footprint, Item

READ_AT_ONCE = 500
_CUSTOMERS = "t.tenant_id = %(tenant)s AND t.external_id = ANY (%(customers)s)"
_LOGINS = (
    "t.id IN (SELECT user_id FROM accounts_membership "
    "WHERE tenant_id = %(tenant)s AND external_id = ANY (%(customers)s))"
)
_OF_LOGIN = "SELECT m.external_id FROM accounts_membership AS m WHERE m.tenant_id = %(tenant)s AND m.user_id = t.id"


class ImportOrders(Fix):
    """Orders of a CSV with their deliveries and customers, by external id. Rows in file order.

    Two kinds of items: an order with its deliveries, and a customer with their login, which stays while one of the
    orders does.
    """

    footprint = (
        Footprint("accounts_user", f"'customer ' || ({_OF_LOGIN})", _LOGINS),
        Footprint("accounts_membership", "'customer ' || t.external_id", _CUSTOMERS),
        Footprint(
            "orders_order", "'order ' || t.external_id",
            "t.tenant_id = %(tenant)s AND t.external_id = ANY (%(orders)s)",
        ),
        # By the file and not by its row: a delivery may have been another order's before.
        Footprint(
            "deliveries_delivery", "'order ' || (%(order_of)s::jsonb ->> t.external_id)",
            "t.tenant_id = %(tenant)s AND t.external_id = ANY (%(deliveries)s)",
        ),
    )  # fmt: skip

    def __init__(self, tenant_id: UUID, *, path: Path, mapping: ImportMapping) -> None:
        super().__init__(tenant_id)
        self.path, self.mapping = path, mapping
        self.importer = Importer(tenant_id)
        self.repeats = Repeats()

    def check_file(self) -> None:
        """Read the file through, before anything is planned or recorded. Raises `MappingError`, `OSError`."""
        self.repeats = find_repeats(self.path, self.mapping)

    def items(self) -> Iterator[Item]:
        self.importer = Importer(self.tenant_id)
        rows = read_rows(self.path, self.mapping, self.repeats)
        while batch := list(islice(rows, READ_AT_ONCE)):
            good = self.importer.acceptable([row for row in batch if isinstance(row, ImportRow)])
            changes = self.importer.changes(good)
            unreadable = [row for row in batch if isinstance(row, Rejection)]
            self.importer.report.rejections += unreadable
            for rejection in [*unreadable, *self._rejections()]:
                yield Item(f"line {rejection.line}", f"line {rejection.line}", fault=rejection.reason)
            for row in good:
                before, after = changes[row.line]
                yield Item(
                    f"order {row.order['external_id']}", f"line {row.line}", before, after,
                    is_right=not after, data=row,
                )  # fmt: skip

    def hold(self, items: Sequence[Item]) -> None:
        hold_intake(self.tenant_id)

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        rows = self.importer.with_free_numbers([item.data for item in items])  # others may have come since the plan
        outcomes = self.importer.write(rows)
        changed = sum(outcome != UNCHANGED for outcome in outcomes.values())
        faults = [(f"line {rejection.line}", rejection.reason) for rejection in self._rejections()]
        return Batch(changed=changed, unchanged=len(outcomes) - changed, faults=faults)

    def _rejections(self) -> Sequence[Rejection]:
        rejections = self.importer.take_rejections()
        self.importer.report.rejections += rejections
        return rejections

    def parameters(self, items: Sequence[Item]) -> dict[str, Any]:
        rows: list[ImportRow] = [item.data for item in items]
        return {
            "customers": [row.customer["external_id"] for row in rows],
            "orders": [row.order["external_id"] for row in rows],
            "deliveries": [row.delivery["external_id"] for row in rows if row.delivery],
            "order_of": json.dumps(
                {row.delivery["external_id"]: row.order["external_id"] for row in rows if row.delivery}
            ),
        }
