"""Pages for browsers that must come up when little else does: no session, no database, no script."""

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
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


def page_behind(request: HttpRequest) -> str:
    """The page of ours whose form this is, without its host; else the address it was sent to."""
    referrer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    page = urlsplit(referrer)
    if is_ours and page.netloc and page.path.startswith("/admin/"):
        return urlunsplit(("", "", page.path, page.query, ""))
    return request.get_full_path()


def _notice(title: str, text: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    page = render_to_string("notice.html", {"title": title, "text": text})
    return HttpResponse(page, status=status, headers=dict(headers or {}))
