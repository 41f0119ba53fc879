"""Signing in to the admin with e-mail and password; the second factor comes after it (`second_factor.py`)."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from ondi.accounts.errors import SignInThrottled
from ondi.accounts.models import User
from ondi.accounts.sessions import set_password
from ondi.accounts.sign_in import check_credentials
from ondi.staff.entry import staff_of


class StaffAuthenticationForm(AuthenticationForm):  # type: ignore[misc]  # unfold ships no types
    """Staff of an active tenant and platform operators may in; everybody else hears one plain refusal."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not email or not password:
            return dict(self.cleaned_data)
        found = check_credentials(request=self.request, email=email, password=password)
        if isinstance(found, SignInThrottled):
            self.request.axes_locked_out = True  # axes' middleware answers with `locked_out`
            raise self._refusal()
        if not isinstance(found, User) or staff_of(found) is None:
            raise self._refusal()
        self.user_cache = found
        return dict(self.cleaned_data)

    def _refusal(self) -> ValidationError:
        return ValidationError(
            self.error_messages["invalid_login"], code="invalid_login", params={"username": _("e-mail")}
        )


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # unfold ships no types
    def save(self, commit: bool = True) -> User:
        """Through the service, which ends the person's other sessions."""
        set_password(user=self.user, new_password=self.cleaned_data["new_password1"])
        return self.user  # type: ignore[no-any-return]


def locked_out(request: HttpRequest, _response: HttpResponse | None = None, *_credentials: object) -> HttpResponse:
    """What the admin says after too many failures."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "staff/locked_out.html", {"minutes": minutes}, status=429)
