"""What holds for every answer, from any view: request id, envelope, size limits, language."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from ondi.api import errors
from ondi.api.language import accepted_languages, answer_language
from ondi.api.pages import too_large_page
from ondi.api.responses import error_response
from ondi.common.errors import DomainError, NotFound, PermissionDenied
from ondi.common.ids import new_id
from ondi.version import VERSION

HEALTH = "/health/"
GetResponse = Callable[[HttpRequest], HttpResponseBase]

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
DISCARD_AT_MOST = 128 * 1024 * 1024
DISCARD_PIECE = 64 * 1024

ERROR_OF_STATUS: dict[int, type[DomainError]] = {
    400: errors.BadRequest,
    401: errors.NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: errors.MethodNotAllowed,
    411: errors.LengthRequired,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    503: errors.ServiceUnavailable,
}


UNSUBSCRIBE = "/notifications/unsubscribe/"


def answers_html(request: HttpRequest) -> bool:
    """Admin, docs and what a mail leads people to are for browsers; everything else answers in the envelope."""
    if request.path.startswith(UNSUBSCRIBE):  # a mail program posts there too, and asks for no page
        return request.method != "POST" or "text/html" in request.headers.get("Accept", "")
    return request.path.startswith("/admin/") or request.path in ("/admin", "/docs")


def request_id_of(given: str) -> str:
    """The caller's id of a request, if it is a sane one, else a new one."""
    return given if SANE_REQUEST_ID.fullmatch(given) else str(new_id())


class RequestIdMiddleware:
    """`X-Request-ID`, and the release in `X-OnDi-Version`, on every answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_of(request.headers.get("X-Request-ID", ""))
        request.META["ondi.request_id"] = request_id
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        response.headers["X-OnDi-Version"] = VERSION
        return response


class SecurityPolicyMiddleware:
    """The Content-Security-Policy that the settings name for the path, on every answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        fitting = [start for start in settings.CONTENT_SECURITY_POLICIES if request.path.startswith(start)]
        if fitting:
            response.headers["Content-Security-Policy"] = settings.CONTENT_SECURITY_POLICIES[max(fitting, key=len)]
        return response


class LanguageMiddleware(LocaleMiddleware):
    """The API answers in the language the caller asks for, in English until the tenant is known.

    The admin is Django's own matter: cookie, then the browser's languages.
    """

    def process_request(self, request: HttpRequest) -> None:
        if answers_html(request):
            request.META["HTTP_ACCEPT_LANGUAGE"] = ",".join(accepted_languages(request))  # Django does not know q=0
            super().process_request(request)
        else:
            translation.activate(answer_language(request))


class HostMiddleware(CommonMiddleware):
    """Refuses requests for hosts that are not ours; but for health checks, which come with whatever host they like."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path.startswith(HEALTH) else super().process_request(request)


class EnvelopeMiddleware:
    """Every refusal outside admin and docs is the JSON envelope, also those of Django's own making."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if answers_html(request):
            if request.path.startswith("/admin"):
                response.headers["Cache-Control"] = "no-store, private"
            return response
        is_json = response.headers.get("Content-Type", "").startswith(("application/json", "application/vnd.oai"))
        if response.status_code >= 400 and not is_json:
            response = self._envelope(response)
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Exceptions no view handled, those of opening and committing the transaction among them."""
        if answers_html(request):
            return None
        error = errors.as_domain_error(exception)
        if error is None:
            errors.logger.error("unhandled_error", exc_info=exception)
            error = errors.InternalError()
        return error_response(error, errors.status_of(error))

    def _envelope(self, response: HttpResponseBase) -> HttpResponse:
        error = ERROR_OF_STATUS.get(response.status_code, errors.InternalError)()
        enveloped = error_response(error, response.status_code)
        for name, value in response.headers.items():
            if name not in ("Content-Type", "Content-Length"):
                enveloped.headers.setdefault(name, value)
        return enveloped


class BodyLimitMiddleware:
    """Too large a body is refused before anything reads it; one without a length too.

    The body is read and thrown away in pieces first: an answer in the middle of an upload breaks the
    caller's pipe instead of reaching the caller.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = -1
        if length < 0 or (not request.META.get("CONTENT_LENGTH") and request.headers.get("Transfer-Encoding")):
            return error_response(errors.LengthRequired(), 411)
        if length > self._limit(request):
            self._discard(request, length)
            return too_large_page() if answers_html(request) else error_response(errors.PayloadTooLarge(), 413)
        return self.get_response(request)

    def _limit(self, request: HttpRequest) -> int:
        if request.path.startswith("/integrations/"):
            return int(settings.MAX_INTEGRATION_BODY_BYTES)
        if answers_html(request):
            return int(settings.MAX_FORM_BYTES)
        return int(settings.MAX_BODY_BYTES)

    def _discard(self, request: HttpRequest, length: int) -> None:
        left = min(length, DISCARD_AT_MOST)
        while left > 0 and (piece := request.read(min(left, DISCARD_PIECE))):
            left -= len(piece)
