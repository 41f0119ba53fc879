"""The doctor: looks for what `findings` describes, and repairs it on the harness of data fixes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ondi.common.ids import new_id
from ondi.datafixes.fixes import FixOneByOne, Item
from ondi.tenants.scope import tenant_scope
from support.fixes.findings import FINDINGS
from support.fixes.findings.parts import Finding

SHOWN = 5
BY_NAME = {finding.name: finding for finding in FINDINGS}


def rows_of(finding: Finding) -> str:
    """SQL of the damaged rows: key, detail, and why a row is left to a person (null: it is repaired)."""
    doubt = "to_jsonb(found)->>'doubt'"  # a finding in which there never is one has no such column
    return f"SELECT key, detail, {doubt} AS doubt FROM ({finding.find}) AS found (key, detail)"  # noqa: S608 - ours


def found(finding: Finding, tenant_id: UUID) -> list[tuple[UUID, str, str | None]]:
    """The damaged rows of this tenant, which is in scope: key, what is wrong, and why it is left to a person."""
    with connection.cursor() as cursor:
        cursor.execute(f"{rows_of(finding)} ORDER BY key", {"tenant": tenant_id})
        rows: list[tuple[UUID, str, str | None]] = cursor.fetchall()
    return rows


def examine(slug: str, tenant_id: UUID) -> list[dict[str, Any]]:
    """What every finding finds in this tenant, as `doctor --json` tells it; in a transaction that cannot write."""
    with tenant_scope(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = 0")
        return [told for finding in FINDINGS if (told := _examined(finding, slug, tenant_id))]


def _examined(finding: Finding, slug: str, tenant_id: UUID) -> dict[str, Any] | None:
    # Counted in the same pass; and so planned for all rows, though only the first are wanted.
    counted = f"SELECT *, count(*) OVER (), count(doubt) OVER () FROM ({rows_of(finding)}) AS found"  # noqa: S608 - ours
    with connection.cursor() as cursor:
        cursor.execute(f"{counted} ORDER BY key LIMIT {SHOWN}", {"tenant": tenant_id})
        rows = cursor.fetchall()
    if not rows:
        return None
    number, left = rows[0][3:]
    left = number if finding.look_at else left
    command = f"manage.py repair --finding {finding.name} --tenant {slug}" if left < number else None
    examples = [
        " ".join(filter(None, [str(key), detail, doubt and f"({doubt})"])) for key, detail, doubt, *_counts in rows
    ]
    return {
        "tenant": slug, "finding": finding.name, "what": finding.what, "count": number, "examples": examples,
        "repair": command, "for_a_person": left, "look_at": finding.look_at or None,
    }  # fmt: skip


class Repair(FixOneByOne):
    """Repairs what one finding finds; rows that are left to a person are named with the reason, and stay."""

    def __init__(self, tenant_id: UUID, *, finding: Finding) -> None:
        super().__init__(tenant_id)
        self.finding = finding
        self.footprint = finding.footprint

    def items(self) -> Iterator[Item]:
        # Looked at once: what is repaired meanwhile would otherwise move what is still to come.
        for key, detail, doubt in found(self.finding, self.tenant_id):
            yield Item(
                str(key), f"{self.finding.name} {key}", {"wrong": detail}, {"wrong": "nothing"}, fault=doubt or ""
            )

    def hold(self, items: Sequence[Item]) -> None:
        """Lock tickets and what hangs on them, as the finding says."""
        with connection.cursor() as cursor:
            for statement in self.finding.hold:
                cursor.execute(statement, {"tenant": self.tenant_id, "keys": [UUID(item.key) for item in items]})

    def apply(self, item: Item, *, at: datetime) -> bool:
        """Repair one; False where somebody else did. Raises `ValueError` where it is a person's by now."""
        still = f"SELECT doubt FROM ({rows_of(self.finding)}) AS found WHERE key = %(key)s"  # noqa: S608 - ours
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
            if row[0]:
                raise ValueError(row[0])
            for statement in self.finding.repair:
                cursor.execute(statement, arguments)
        return True
