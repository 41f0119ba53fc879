"""What the work process does for notifications."""

from ondi.notifications.dispatches import push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import send_due
from ondi.outbox.workers import worker


@worker("push")
def push() -> int:
    return push_due()


@worker("mail")
def mail() -> int:
    return gather_mails() + send_due()
