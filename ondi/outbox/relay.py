"""The relay: takes what was written out of the outbox, numbers it, and keeps it as events."""

from django.db import connection

AT_ONCE = 1_000


def relay() -> int | None:
    """One turn, which is one statement and one transaction; how many entries it took, None where another relay leads.

    Not to be called inside a transaction. Raises what the database raises; nothing is lost then, and nothing doubled.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT ondi_relay(%s)", [AT_ONCE])
        (taken,) = cursor.fetchone() or (None,)
    return taken


def relay_all() -> int:
    """Turns until nothing is left, for tests and commands; how many entries they took."""
    total = 0
    while taken := relay():
        total += taken
    return total
