"""Which news of orders and deliveries may be taken in: one rule for integrations (JSON) and imports (files)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Q

from ondi.common.querysets import TenantQuerySet
from ondi.common.upsert import is_outdated


class Obstacle(StrEnum):
    OUTDATED = "outdated"  # older than what we know: changes nothing
    TAKEN = "taken"  # its number is another's


class Judged(NamedTuple):
    """`known`: the row as it is here, if it is; `obstacle`: why the news are not to be written."""

    known: Any | None
    obstacle: Obstacle | None


def judge(existing: TenantQuerySet[Any], number: str, news: Sequence[Mapping[str, Any]]) -> list[Judged]:
    """What stands against each of these rows, in order; one statement.

    `number`: the column that is one row's alone, an order's number or a delivery's code: of another row here, or of an
    earlier one of the same batch. Each of `news` has an `external_id`.
    """
    numbers = {row[number] for row in news if row.get(number) is not None}
    named = {row["external_id"] for row in news}
    found = list(existing.filter(Q(**{f"{number}__in": numbers}) | Q(external_id__in=named)))
    holder = {getattr(row, number): row.external_id for row in found}
    known = {row.external_id: row for row in found}
    return [_judged(row, known.get(row["external_id"]), row.get(number), holder) for row in news]


def _judged(row: Mapping[str, Any], known: Any | None, number: Any, holder: dict[Any, str]) -> Judged:
    if known is not None and is_outdated(row.get("source_updated_at"), known.source_updated_at):
        return Judged(known, Obstacle.OUTDATED)
    is_taken = number is not None and holder.setdefault(number, row["external_id"]) != row["external_id"]
    return Judged(known, Obstacle.TAKEN if is_taken else None)
