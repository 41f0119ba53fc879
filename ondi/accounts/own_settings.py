"""How somebody works in the admin: their own choices, kept with their login."""

from ondi.accounts.models import User


def choose_wait(*, user: User, seconds: int) -> None:
    """For so long what they send can be taken back, 0 to `LONGEST_WAIT`. One statement."""
    user.send_wait = seconds
    user.save(update_fields=["send_wait"])


def choose_way_on(*, user: User, after_sending: str) -> None:
    """Where they go on after an answer, an `AfterSending`. Writes nothing where it is so already."""
    if user.after_sending != after_sending:
        user.after_sending = after_sending
        user.save(update_fields=["after_sending"])


def hide_first_steps(*, user: User) -> None:
    """The first page lists no more what their tenant has yet to set up; colleagues go on seeing it. One statement."""
    user.hides_first_steps = True
    user.save(update_fields=["hides_first_steps"])
