"""The admin site of support staff and platform operators."""

from functools import update_wrapper
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite

from ondi.staff.invitations import invitation
from ondi.staff.second_factor import page_wanted, second_factor
from ondi.staff.sign_in import OwnPasswordView, StaffAuthenticationForm, page_behind


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    login_form = StaffAuthenticationForm
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff by membership or platform operators; `StaffScopeMiddleware` has looked."""
        return getattr(request, "staff", None) is not None

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A form whose session is lost leads back to its page after signing in, not to where it was sent."""
        inner = super().admin_view(view, cacheable)

        def asked(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
            if request.method == "POST" and not self.has_permission(request):
                return redirect_to_login(page_behind(request), reverse("admin:login"))
            return inner(request, *arguments, **options)  # type: ignore[no-any-return]

        return update_wrapper(asked, inner)

    def get_urls(self) -> list[Any]:
        return [
            path("second-factor/", second_factor, name="second_factor"),
            path("invitation/<str:token>/", invitation, name="invitation"),
            *super().get_urls(),
        ]

    @method_decorator(transaction.non_atomic_requests)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The password first; who gave it is asked for the second factor."""
        if request.method == "GET" and getattr(request, "awaiting_second_factor", None):
            wanted = request.GET.get("next", reverse("admin:index"))
            return redirect_to_login(wanted, reverse("admin:second_factor"))
        if request.method == "GET" and self.has_permission(request):
            return redirect(page_wanted(request))
        return super().login(request, extra_context)  # type: ignore[no-any-return]

    @method_decorator(transaction.non_atomic_requests)
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """One's own; holds no transaction while it hashes."""
        request.current_app = self.name
        return OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done"),
            template_name=self.password_change_template or "registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )(request)
