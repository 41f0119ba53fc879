"""When a call is made again, when its endpoint is given up, and how long a host that fails is left alone."""

import random
from datetime import datetime, timedelta

from django.conf import settings

from ondi.webhooks.models import Breaker

PAUSES = (
    timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=24),
)  # fmt: skip
SPREAD = 0.2
LONGEST_WISH = timedelta(hours=24)  # of a `Retry-After`
TOLD_AFTER, DISABLED_AFTER = (24, 72), timedelta(days=5)  # hours without a success
FAILURES_OF_BREAKER = 10  # also in `ondi_claim_deliveries`
PROBES = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))


def next_try(failures: int, at: datetime, retry_after: float | None = None) -> datetime | None:
    """When to call again after so many failures, not before the program wished; None: no more."""
    if failures > len(PAUSES):
        return None
    pause = PAUSES[failures - 1] * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - no secret
    wished = min(timedelta(seconds=retry_after or 0), LONGEST_WISH)
    return at + max(pause, wished) / settings.WEBHOOK_HASTE


def note(breaker: Breaker, *, is_success: bool, at: datetime) -> None:
    """Count what came of a call to the host."""
    if is_success:
        breaker.failures, breaker.probes, breaker.open_until = 0, 0, None
        return
    breaker.failures += 1
    if breaker.failures >= FAILURES_OF_BREAKER and (breaker.open_until is None or breaker.open_until <= at):
        pause = PROBES[min(breaker.probes, len(PROBES) - 1)]
        breaker.probes = min(breaker.probes + 1, len(PROBES))
        breaker.open_until = at + pause / settings.WEBHOOK_HASTE
