"""What no page of the admin sends by itself, and what is not open: a page in plain words with a way on, never a 500."""

from collections.abc import Callable

import structlog
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from ondi.api.pages import bad_input_page

logger = structlog.get_logger("ondi.admin")

# A year of eleven digits, a number of 5,000, an id that is none, text the database cannot hold.
NO_VALUE = (DataError, OverflowError, ValidationError, ValueError)

NOT_OPEN = {
    403: (
        _("This page is not open to you"),
        _("Your rights do not include it. Somebody who manages the people of your business can change that."),
    ),
    404: (_("There is nothing at this address"), _("The address is mistyped, or what stood there is gone.")),
    405: (_("This address cannot be visited"), _("It only takes what a form sends. Nothing was changed.")),
}


class BadInputMiddleware:
    """Says what is not open and what is not there, in the admin's own look.

    Answers 400 where a page of the admin finds out on the way that it was given what is no value.

    Django's lists take any lookup from the address, and find out in the database. The page's transaction is undone.
    It is logged with its traceback, for a fault of our own would look the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith("/admin/") and response.status_code == 405:
            return _not_open(request, 405)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not request.path.startswith("/admin/"):
            return None
        if isinstance(exception, PermissionDenied | Http404):
            return _not_open(request, 403 if isinstance(exception, PermissionDenied) else 404)
        if not isinstance(exception, NO_VALUE):
            return None
        logger.warning("bad_input", exc_info=exception)
        if connection.in_atomic_block:
            transaction.set_rollback(True)
        return bad_input_page()


def _not_open(request: HttpRequest, status: int) -> HttpResponse:
    title, text = NOT_OPEN[status]
    page = {**admin.site.each_context(request), "title": title, "text": text}
    return render(request, "staff/not_open.html", page, status=status)
