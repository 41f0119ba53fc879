"""Pages for browsers that must come up when little else does: no session, no database, no script."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ondi.api.responses import RETRY_AFTER_SECONDS


def busy_page() -> HttpResponse:
    return _notice(
        _("The service is busy"),
        _("Nothing was changed. Please try again in a moment: go back, your text is still there."),
        503,
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def bad_input_page() -> HttpResponse:
    return _notice(
        _("This cannot be read"),
        _("The address or the form holds something that is no value here. Nothing was changed. Go back and try again."),
        400,
    )


def too_large_page() -> HttpResponse:
    return _notice(
        _("This is too much at once"),
        _("Nothing was changed. Go back, your text is still there, and send less of it."),
        413,
    )


def bad_request_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's `handler400`: a host that is not ours, a form that is none."""
    return bad_input_page()


def broken_page(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: a fault of our own, which is in the log. Answers of the API are made JSON further out."""
    return _notice(
        _("Something went wrong"),
        _("It is our fault, and it is noted. Nothing was changed. Go back and try again, your text is still there."),
        500,
    )


def _notice(title: str, text: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    page = render_to_string("notice.html", {"title": title, "text": text})
    return HttpResponse(page, status=status, headers=dict(headers or {}))
