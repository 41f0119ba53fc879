"""The admin site of support staff and platform operators."""

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from ondi.staff.sign_in import StaffAuthenticationForm


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    login_form = StaffAuthenticationForm
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff by membership or platform operators; `StaffScopeMiddleware` has looked."""
        return getattr(request, "staff", None) is not None
