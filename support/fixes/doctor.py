"""The doctor: looks for what `findings` describes, and repairs it on the harness of data fixes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ondi.common.ids import new_id
from ondi.datafixes.fixes import FixOneByOne, Item
from support.fixes.findings import FINDINGS
from support.fixes.findings.parts import Finding

READ_AT_ONCE = 500
BY_NAME = {finding.name: finding for finding in FINDINGS}


def found(finding: Finding, tenant_id: UUID) -> Iterator[tuple[UUID, str, str | None]]:
    """The damaged rows of this tenant: key, what is wrong, and why it is left to a person (None: it is repaired).

    Read in pieces, in the caller's transaction.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({finding.find}) AS found ORDER BY 1", {"tenant": tenant_id})  # noqa: S608 - ours
        while rows := cursor.fetchmany(READ_AT_ONCE):
            for key, detail, *doubt in rows:
                yield key, detail, finding.look_at or next(iter(doubt), None)


class Repair(FixOneByOne):
    """Repairs what one finding finds; rows that are left to a person are named with the reason, and stay."""

    def __init__(self, tenant_id: UUID, *, finding: Finding) -> None:
        super().__init__(tenant_id)
        self.finding = finding
        self.footprint = finding.footprint

    def items(self) -> Iterator[Item]:
        # Looked at once: what is repaired meanwhile would otherwise move what is still to come.
        for key, detail, doubt in list(found(self.finding, self.tenant_id)):
            label = f"{self.finding.name} {key}"
            yield Item(str(key), label, {"wrong": detail}, {"wrong": "nothing"}, fault=doubt or "")

    def hold(self, items: Sequence[Item]) -> None:
        """Lock tickets and what hangs on them, as the finding says."""
        with connection.cursor() as cursor:
            for statement in self.finding.hold:
                cursor.execute(statement, {"tenant": self.tenant_id, "keys": [UUID(item.key) for item in items]})

    def apply(self, item: Item, *, at: datetime) -> bool:
        """Repair one; False where somebody else did. Raises `ValueError` where it is a person's by now."""
        still = f"SELECT * FROM ({self.finding.find}) AS found (key, detail) WHERE key = %(key)s"  # noqa: S608 - ours
        arguments: dict[str, Any] = {
            "tenant": self.tenant_id,
            "key": UUID(item.key),
            "keys": [UUID(item.key)],
            "new": new_id(),
        }
        with connection.cursor() as cursor:
            cursor.execute(still, arguments)
            row = cursor.fetchone()
            if row is None:
                return False
            if doubt := next(iter(row[2:]), None):
                raise ValueError(doubt)
            for statement in self.finding.mend:
                cursor.execute(statement, arguments)
        return True
