"""What no page of the admin sends by itself: addresses and forms with values that are none. A page, never a 500."""

from collections.abc import Callable

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ondi.api.pages import bad_input_page

logger = structlog.get_logger("ondi.admin")

# A year of eleven digits, a number of 5,000, an id that is none, text the database cannot hold.
NO_VALUE = (DataError, OverflowError, ValidationError, ValueError)


class BadInputMiddleware:
    """Answers 400 where a page of the admin finds out on the way that it was given what is no value.

    Django's lists take any lookup from the address, and find out in the database. The page's transaction is undone.
    It is logged with its traceback, for a fault of our own would look the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not (request.path.startswith("/admin/") and isinstance(exception, NO_VALUE)):
            return None
        logger.warning("bad_input", exc_info=exception)
        if connection.in_atomic_block:
            transaction.set_rollback(True)
        return bad_input_page()
