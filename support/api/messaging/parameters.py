"""Query parameters of the message list."""

from datetime import datetime
from uuid import UUID

from django.http import QueryDict

from ondi.common.errors import InvalidInput
from ondi.common.ids import parse_id
from ondi.common.times import parse_instant


def requested_range(parameters: QueryDict) -> tuple[datetime, datetime] | None:
    """`timestamp_range=start,end`: start included, end not. Raises `InvalidInput`."""
    text = _single(parameters, "timestamp_range")
    if not text:
        return None
    moments = [parse_instant(part) for part in text.split(",")]
    if len(moments) != 2 or moments[0] is None or moments[1] is None or moments[0] > moments[1]:
        raise InvalidInput({"timestamp_range": ["invalid"]})
    return moments[0], moments[1]


def required_id(parameters: QueryDict, name: str) -> UUID:
    """An id in the query. Raises `InvalidInput`."""
    text = _single(parameters, name)
    if not text:
        raise InvalidInput({name: ["required"]})
    found = parse_id(text)
    if found is None:
        raise InvalidInput({name: ["invalid"]})
    return found


def _single(parameters: QueryDict, name: str) -> str:
    given = parameters.getlist(name)
    if len(given) > 1:
        raise InvalidInput({name: ["invalid"]})
    return given[0] if given else ""
