"""The doctor: looks for what `findings` describes, and mends it on the harness of data fixes."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ondi.common.ids import new_id
from ondi.datafixes.fixes import FixOneByOne, Item
from support.fixes.findings import FINDINGS, Finding

READ_AT_ONCE = 500
BY_NAME = {finding.name: finding for finding in FINDINGS}


def found(finding: Finding, tenant_id: UUID) -> Iterator[tuple[UUID, str]]:
    """The damaged rows of this tenant, by key, with what is wrong; read in pieces, in the caller's transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({finding.find}) AS found ORDER BY 1", {"tenant": tenant_id})  # noqa: S608 - ours
        while rows := cursor.fetchmany(READ_AT_ONCE):
            yield from rows


class Repair(FixOneByOne):
    """Mends what one finding finds."""

    def __init__(self, tenant_id: UUID, *, finding: Finding) -> None:
        super().__init__(tenant_id)
        self.finding = finding
        self.footprint = finding.footprint

    def items(self) -> Iterator[Item]:
        # Looked at once: what is mended meanwhile would otherwise move what is still to come.
        for key, detail in list(found(self.finding, self.tenant_id)):
            yield Item(str(key), f"{self.finding.name} {key}", {"wrong": detail}, {"wrong": "nothing"})

    def apply(self, item: Item, *, at: datetime) -> bool:
        still = f"SELECT 1 FROM ({self.finding.find}) AS found (key, detail) WHERE key = %(key)s"  # noqa: S608 - ours
        arguments: dict[str, Any] = {
            "tenant": self.tenant_id,
            "key": UUID(item.key),
            "keys": [UUID(item.key)],
            "new": new_id(),
        }
        with connection.cursor() as cursor:
            cursor.execute(still, arguments)
            if cursor.fetchone() is None:
                return False
            for statement in self.finding.mend:
                cursor.execute(statement, arguments)
        return True
