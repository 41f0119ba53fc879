"""A request's unit of work: one transaction around the view, tried again as a whole where that helps."""

import functools
import random
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from psycopg import errors

from ondi.common.outside import DoOutside, begin_unit

View = Callable[..., HttpResponseBase]

RETRIES = 3
LONGEST_PAUSE = 0.05  # seconds; random, so that two that met do not meet again


def asks_for_retry(error: BaseException) -> bool:
    """Whether the database broke the transaction off to let another through: a deadlock, a serialization failure."""
    return isinstance(error, OperationalError) and isinstance(
        error.__cause__, errors.DeadlockDetected | errors.SerializationFailure
    )


def in_one_unit(view: View) -> View:
    """The view in a transaction of its own, which is repeated from its beginning at most three times.

    A repetition is safe: what failed is rolled back whole. The error of the last attempt is raised.
    """

    @functools.wraps(view)
    def unit(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _kept = request.body  # read once, so that a second attempt finds it
        begin_unit()
        for _attempt in range(RETRIES):
            try:
                return _attempt_once(view, request, *args, **kwargs)
            except OperationalError as error:
                if not asks_for_retry(error):
                    raise
                pause()
            except DoOutside as wanted:
                wanted.do()
        return _attempt_once(view, request, *args, **kwargs)

    return transaction.non_atomic_requests(unit)


def pause() -> None:
    time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - no secret


def _attempt_once(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    with transaction.atomic():
        return view(request, *args, **kwargs)
