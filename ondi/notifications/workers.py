"""What the work process does for notifications."""

from ondi.notifications.dispatches import push_due
from ondi.outbox.workers import worker


@worker("push")
def push() -> int:
    return push_due()
