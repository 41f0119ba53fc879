"""One transaction, one tenant scope and one time zone around each admin page, its rendering included."""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from ondi.accounts.audit import note_caller
from ondi.accounts.errors import SignInThrottled
from ondi.api.errors import DATABASE_IS_AWAY, note_absence
from ondi.api.pages import busy_page
from ondi.api.units import RETRIES, asks_for_retry, pause
from ondi.common.errors import ServiceUnavailable
from ondi.common.outside import DoOutside, begin_unit
from ondi.staff.entry import staff_of
from ondi.staff.sign_in import refused


class StaffScopeMiddleware:
    """Sets `request.staff`, None for who is no staff or not fully signed in. Times are their tenants'.

    A view that is `non_atomic_requests` gets a posted form without a transaction: it hashes a password.
    What a failing page (5xx) wrote is rolled back. A page whose transaction the database broke off for
    another's sake is tried again, at most three times.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        begin_unit()
        for _attempt in range(RETRIES):
            response = self._attempt_once(request)
            if outside := getattr(response, "outside", None):
                outside.do()
            elif getattr(response, "try_again", False):
                pause()
            else:
                return response
        return self._attempt_once(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A database that is away or busy, and too many sign-ins, are pages that say so."""
        if request.path.startswith("/admin/") and isinstance(exception, SignInThrottled | ServiceUnavailable):
            return refused(request, exception)
        if request.path.startswith("/admin/") and isinstance(exception, DoOutside):
            response = busy_page()
            response.outside = exception  # type: ignore[attr-defined]
            return response
        if not (request.path.startswith("/admin/") and isinstance(exception, DATABASE_IS_AWAY)):
            return None
        response = busy_page()
        response.try_again = asks_for_retry(exception)  # type: ignore[attr-defined]
        if not asks_for_retry(exception):
            note_absence(exception)
        return response

    def _attempt_once(self, request: HttpRequest) -> HttpResponseBase:
        try:
            if _hashes(request):
                with transaction.atomic():
                    _let_in(request)
                return self._answer(request)
            with transaction.atomic():
                _let_in(request)
                response = self._answer(request)
                if response.status_code >= 500:
                    transaction.set_rollback(True)
            return response
        except DATABASE_IS_AWAY as error:
            note_absence(error)
            return busy_page()

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        staff = request.staff  # type: ignore[attr-defined]
        with timezone.override(staff.zone_in(*staff.tenant_ids) if staff else None):
            return self.get_response(request)


def _hashes(request: HttpRequest) -> bool:
    """Is this for a view that holds its own transactions, because it hashes a password in between?"""
    if request.method != "POST":
        return False
    try:
        return hasattr(resolve(request.path_info).func, "_non_atomic_requests")
    except Resolver404:
        return False


def _let_in(request: HttpRequest) -> None:
    """Set `request.staff`; for whom a second factor is still to be shown, `request.awaiting_second_factor`."""
    user = _loaded(request.user)
    staff = staff_of(user)
    waiting = staff is not None and settings.STAFF_SECOND_FACTOR and not user.is_verified()  # type: ignore[attr-defined]
    request.staff = None if waiting else staff  # type: ignore[attr-defined]
    request.awaiting_second_factor = staff if waiting else None  # type: ignore[attr-defined]
    if staff is not None:
        note_caller(request, user_id=staff.user.id, tenant_ids=staff.tenant_ids)


def _loaded(user: object) -> object:
    """The login behind `request.user`: Django's lazy object, in django-otp's."""
    while isinstance(user, SimpleLazyObject):
        bool(user)
        user = user._wrapped
    return user
