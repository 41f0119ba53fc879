"""Signing in to the admin with e-mail and password; the second factor comes after it (`second_factor.py`)."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from ondi.accounts.credentials import check_credentials, replace_password
from ondi.accounts.errors import SignInThrottled
from ondi.accounts.models import User
from ondi.api.client import client_network
from ondi.api.pages import busy_page
from ondi.common.errors import DomainError, ServiceUnavailable
from ondi.staff.entry import staff_of


class StaffAuthenticationForm(AuthenticationForm):  # type: ignore[misc]  # unfold ships no types
    """Staff of an active tenant and platform operators may in; everybody else hears one plain refusal."""

    def clean(self) -> dict[str, Any]:
        """Raises what is no matter of the form as it is; `StaffScopeMiddleware` answers it (`refused`)."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not email or not password:
            return dict(self.cleaned_data)
        found = _asked(check_credentials(network=client_network(self.request), email=email, password=password))
        if found is None or staff_of(found) is None:
            raise ValidationError(
                self.error_messages["invalid_login"], code="invalid_login", params={"username": _("e-mail")}
            )
        self.user_cache = found
        return dict(self.cleaned_data)


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # unfold ships no types
    """A wrong old password counts as a failed sign-in."""

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.request = request

    def clean_old_password(self) -> str:
        """Raises `ValidationError`; what is no matter of the form as it is."""
        given: str = self.cleaned_data["old_password"]
        if not is_password_of(self.request, given):
            raise self._refusal()
        return given

    def _post_clean(self) -> None:
        """With good passwords the new one is put in place here, where another one may have been quicker."""
        super()._post_clean()
        if not self.errors and not replace_password(user=self.user, new_password=self.cleaned_data["new_password1"]):
            self.add_error("old_password", self._refusal())

    def save(self, commit: bool = True) -> User:
        """It is done already."""
        return self.user  # type: ignore[no-any-return]

    def _refusal(self) -> ValidationError:
        return ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


def is_password_of(request: HttpRequest, given: str) -> bool:
    """Whether the person who is in gives their own password. A wrong one counts as a failed sign-in.

    Raises `SignInThrottled` and `ServiceUnavailable`.
    """
    user = request.user
    assert isinstance(user, User)
    network = client_network(request)
    found = _asked(check_credentials(network=network, email=user.email or "", password=given))
    if found is None or found.pk != user.pk:
        return False
    user.password = found.password  # as it was read now
    return True


def refused(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """The page for too many failures, and for too many who sign in at once."""
    if isinstance(refusal, SignInThrottled):
        minutes = -(-refusal.retry_after // 60)
        advice = ngettext(
            "Please wait a minute and try again.", "Please wait %(minutes)d minutes and try again.", minutes
        ) % {"minutes": minutes}
        page = render(request, "staff/locked_out.html", {"advice": advice}, status=429)
        page["Retry-After"] = str(refusal.retry_after)
        return page
    return busy_page()


def _asked(found: User | DomainError) -> User | None:
    """Whose the credentials are; None where they are wrong. Raises `SignInThrottled` and `ServiceUnavailable`."""
    if isinstance(found, SignInThrottled | ServiceUnavailable):
        raise found
    return found if isinstance(found, User) else None


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What the admin says to a form that is older than the sign-in (its CSRF token is another's); it leads on."""
    if not request.path.startswith("/admin/"):
        return HttpResponse(status=403)
    context = {**admin.site.each_context(request), "back": page_behind(request), "title": _("Not sent yet")}
    return render(request, "staff/form_expired.html", context, status=403)


def page_behind(request: HttpRequest) -> str:
    """The page of ours whose form this is, without its host; else the address it was sent to.

    Where it was the form that signs out, the first page: nobody is to be led back to that.
    """
    if request.path == reverse("admin:logout"):
        return reverse("admin:index")
    referrer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    page = urlsplit(referrer)
    if is_ours and page.netloc and page.path.startswith("/admin/"):
        return urlunsplit(("", "", page.path, page.query, ""))
    return request.get_full_path()
