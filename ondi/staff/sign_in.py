"""Signing in to the admin."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm

from ondi.accounts.models import User
from ondi.staff.entry import staff_of


class StaffAuthenticationForm(AuthenticationForm):  # type: ignore[misc]  # unfold ships no types
    def confirm_login_allowed(self, user: User) -> None:
        """Staff of an active tenant and platform operators may in; customers hear the plain refusal."""
        if staff_of(user) is None:
            raise ValidationError(
                self.error_messages["invalid_login"], code="invalid_login", params={"username": _("e-mail")}
            )


def locked_out(request: HttpRequest, _response: HttpResponse | None = None, *_credentials: object) -> HttpResponse:
    """What the admin says after too many failures."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "staff/locked_out.html", {"minutes": minutes}, status=429)
