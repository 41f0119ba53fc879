"""How often somebody may fail: counted in the database before the password is looked at, so exact over all processes.

In any 15 minutes `SIGN_IN_FAILURES` from one network for one e-mail, `SIGN_IN_FAILURES_PER_ADDRESS` from one network
whatever e-mails it names, and `SIGN_IN_FAILURES_PER_ACCOUNT` for one e-mail wherever they come from. The last two do
not hold for a network from which this e-mail signed in lately: somebody who attacks an account from everywhere, or
shares an address with its person, makes others wait and not them.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from ondi.accounts.errors import SignInThrottled
from ondi.accounts.models import SignInAttempts

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)

# What is not of the last 15 minutes goes; so does what a clock that was set back shows as still to come.
_COUNT = """
INSERT INTO accounts_signinattempts AS kept (key, failed_at, touched_at)
SELECT key, ARRAY[%(now)s::timestamptz], %(now)s FROM unnest(%(keys)s::text[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET touched_at = EXCLUDED.touched_at, failed_at = EXCLUDED.failed_at || ARRAY(
    SELECT moment FROM unnest(kept.failed_at) AS moment WHERE moment > %(since)s AND moment <= %(until)s
)
RETURNING key, failed_at
"""
_FORGIVE = """
WITH held AS (SELECT key FROM accounts_signinattempts WHERE key = ANY (%(keys)s) ORDER BY key FOR UPDATE)
UPDATE accounts_signinattempts AS kept SET
    failed_at = CASE WHEN kept.key = %(pair)s THEN '{}' ELSE array_remove(kept.failed_at, %(moment)s) END,
    succeeded_at = CASE WHEN kept.key = %(pair)s THEN %(moment)s ELSE kept.succeeded_at END
FROM held WHERE held.key = kept.key
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was counted as failed already. `limits` by key; the first key is network and e-mail."""

    limits: Mapping[str, int]
    moment: datetime = field(default_factory=timezone.now)

    def forgive(self) -> None:
        """It was the right password: this one is taken back, and all of this network and e-mail with it."""
        keys = list(self.limits)
        with connection.cursor() as cursor:
            cursor.execute(_FORGIVE, {"keys": keys, "pair": keys[0], "moment": self.moment})


def limits_of(*, network: str, email: str) -> dict[str, int] | SignInThrottled:
    """What limits this caller for this e-mail, by key; a refusal where one of them is reached. Counts nothing."""
    pair = _key("network and e-mail", network, email)
    limits = {
        pair: settings.SIGN_IN_FAILURES,
        _key("network", network): settings.SIGN_IN_FAILURES_PER_ADDRESS,
        _key("e-mail", email): settings.SIGN_IN_FAILURES_PER_ACCOUNT,
    }
    now = timezone.now()
    kept = {row.key: row for row in SignInAttempts.objects.filter(key__in=limits)}
    if pair in kept and (good := kept[pair].succeeded_at) and good > now - KNOWN_FOR:
        limits = {pair: limits[pair]}
    wait = max((_wait(kept[key].failed_at, limit, now) for key, limit in limits.items() if key in kept), default=0)
    return SignInThrottled(wait) if wait else limits


def count_attempt(limits: Mapping[str, int]) -> Attempt | SignInThrottled:
    """Count one as failed, in a transaction of its own; a refusal, which counts nothing, where a limit is reached.

    Locks the counts until then, so that of any number at once exactly as many are let through as the limits say.
    """
    attempt = Attempt(limits)
    now = attempt.moment
    values: dict[str, Any] = {
        "now": now,
        "keys": list(limits),
        "since": now - WINDOW,
        "until": now + settings.CLOCKS_APART,
    }
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, values)
            wait = max(_wait(failed_at[1:], limits[key], now) for key, failed_at in cursor.fetchall())
        if wait:
            transaction.set_rollback(True)
            return SignInThrottled(wait)
    return attempt


def forget_old_attempts() -> int:
    """Delete the counts that count no more, and say how many."""
    now = timezone.now()
    is_known = Q(succeeded_at__gt=now - KNOWN_FOR)
    return SignInAttempts.objects.filter(~is_known, touched_at__lt=now - WINDOW - settings.CLOCKS_APART).delete()[0]


def _wait(failed_at: Sequence[datetime], limit: int, now: datetime) -> int:
    """Seconds until fewer than `limit` of these are of the last 15 minutes; 0 where it is so now."""
    counted = sorted(moment for moment in failed_at if now - WINDOW < moment <= now + settings.CLOCKS_APART)
    return max(1, math.ceil((counted[-limit] + WINDOW - now).total_seconds())) if len(counted) >= limit else 0


def _key(*parts: str) -> str:
    """Of any length and letters one of 64; nobody reads an e-mail or an address out of it."""
    text = "\n".join(parts).encode("utf-8", "backslashreplace")
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
