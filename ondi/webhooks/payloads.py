"""What is said of an event. The app whose events they are says it; this one knows no kind by name."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ondi.outbox.models import Event

Say = Callable[[Sequence[Event]], list[dict[str, Any]]]
_SAYS: list[Say] = []


def says_events(say: Say) -> Say:
    """Register what makes the payloads of events, in their order, with their tenants in scope."""
    _SAYS[:] = [say]
    return say


def bodies_of(events: Sequence[Event]) -> list[bytes]:
    """The bytes that are sent and signed. The same of an event whenever they are made, but for ids of the outside."""
    (say,) = _SAYS
    return [orjson.dumps(payload) for payload in say(events)]
