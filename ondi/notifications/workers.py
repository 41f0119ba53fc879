"""What the work process does for notifications."""

import functools

from ondi.notifications.dispatches import push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import Mailing
from ondi.outbox.workers import worker


@worker("push")
def push() -> int:
    return push_due()


@worker("mail")
def mail() -> int:
    return gather_mails() + _mailing().turn()


@functools.cache
def _mailing() -> Mailing:
    """Of this process; made when it begins to work."""
    return Mailing()
