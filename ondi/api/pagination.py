"""Pages, everywhere the same: `page`, `limit`, and a refusal where others clamp."""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from ondi.common.errors import InvalidInput

DEFAULT_LIMIT = 20
MAX_LIMIT = 50
LAST_ROW = 10_000
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    limit: int

    @property
    def start(self) -> int:
        """How many rows stand before this page."""
        return (self.number - 1) * self.limit

    def rows(self, queryset: QuerySet[Any, Any]) -> list[Any]:
        return list(queryset[self.start : self.start + self.limit])

    def describe(self, total: int) -> dict[str, Any]:
        """The `pagination` object for so many rows in all."""
        pages = -(-total // self.limit)
        return {
            "page": self.number,
            "limit": self.limit,
            "total": total,
            "total_pages": pages,
            "has_next_page": self.number < pages and (self.number + 1) * self.limit <= LAST_ROW,
            "has_previous_page": self.number > 1,
        }


def requested_page(parameters: QueryDict, *, most: int = MAX_LIMIT) -> Page:
    """The page asked for, of `most` rows. Raises `InvalidInput` on the parameter at fault."""
    faults = {}
    page, fault = _number(parameters, "page", 1, LAST_ROW)
    if fault:
        faults["page"] = [fault]
    limit, fault = _number(parameters, "limit", DEFAULT_LIMIT, most)
    if fault:
        faults["limit"] = [fault]
    if not faults and page * limit > LAST_ROW:
        faults["page"] = ["max_value"]
    if faults:
        raise InvalidInput(faults)
    return Page(page, limit)


def _number(parameters: QueryDict, name: str, default: int, highest: int) -> tuple[int, str | None]:
    given = parameters.getlist(name)
    if not given:
        return default, None
    if len(given) > 1 or not _WHOLE_NUMBER.fullmatch(given[0]):
        return default, "invalid"
    value = int(given[0])
    if value < 1:
        return default, "min_value"
    return (default, "max_value") if value > highest else (value, None)
