"""One transaction and one tenant scope around each admin page, its rendering included."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from ondi.staff.entry import staff_of


class StaffScopeMiddleware:
    """Sets `request.staff`. What a failing page (5xx) wrote is rolled back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with transaction.atomic():
            request.staff = staff_of(_loaded(request.user))  # type: ignore[attr-defined]
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response


def _loaded(user: object) -> object:
    """The login behind Django's lazy `request.user`."""
    if isinstance(user, SimpleLazyObject):
        bool(user)
        return user._wrapped
    return user
