"""What the work process does for webhooks."""

import functools

from ondi.outbox.workers import worker
from ondi.webhooks.sending import Sending


@worker("webhooks")
def webhooks() -> int:
    return _sending().turn()


@functools.cache
def _sending() -> Sending:
    """Of this process; made when it begins to work."""
    return Sending()
