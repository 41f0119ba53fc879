"""The second factor of staff: a code of an authenticator app, asked for after the password.

Who has none yet sets one up on the spot; ten backup codes, shown once, stand in for a lost phone.
"""

from collections.abc import Sequence
from typing import Any

import qrcode
import qrcode.image.svg
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django_otp import login, match_token, user_has_device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from ondi.accounts.models import User
from ondi.accounts.second_factor import forget_second_factor
from ondi.staff.sign_in import is_password_of

BACKUP_CODES = 10


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=16,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "dir": "ltr"}
        ),
    )


class PasswordForm(forms.Form):
    """The password again, before what guards the login beside it is changed."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "dir": "ltr"}),
    )

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.request = request

    def clean_password(self) -> str:
        """Raises `ValidationError`; what is no matter of the form as it is. A wrong one is a failed sign-in."""
        given: str = self.cleaned_data["password"]
        if not is_password_of(self.request, given):
            raise forms.ValidationError(gettext_lazy("This password is not right."), code="password_incorrect")
        return given


@transaction.non_atomic_requests  # hashes a password
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for a code, or set the factor up first; with the right code the person is in.

    For somebody who gave the right password just now. Those who are in already can renew here what they have.
    """
    waiting = getattr(request, "awaiting_second_factor", None)
    if waiting is None:
        return _settings_page(request) if getattr(request, "staff", None) else redirect("admin:login")
    if user_has_device(waiting.user):
        return _ask(request, waiting.user)
    return _set_up(request, waiting.user)


def _ask(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        device = match_token(user, form.cleaned_data["code"].replace(" ", ""))
        if device is not None:
            login(request, device)
            request.session.cycle_key()
            return redirect(page_wanted(request))
        form.add_error("code", _("This code is not right. After several wrong ones, wait a moment."))
    return _page(request, form)


def _set_up(request: HttpRequest, user: User) -> HttpResponse:
    # Two pages opened at once may each have made one: the first is it.
    begun = TOTPDevice.objects.filter(user=user, confirmed=False).order_by("id").first()
    device = begun or TOTPDevice.objects.create(user=user, confirmed=False, name="app")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if device.verify_token(form.cleaned_data["code"].replace(" ", "")):
            device.confirmed = True
            device.save()
            login(request, device)
            request.session.cycle_key()
            return _show_codes(request, user)
        form.add_error("code", _("This code is not right. Is the clock of your phone right?"))
    picture = qrcode.make(device.config_url, image_factory=qrcode.image.svg.SvgPathImage, box_size=12)
    secret = device.config_url.partition("secret=")[2].partition("&")[0]
    return _page(request, form, picture=picture.to_string(encoding="unicode"), secret=secret)


def _settings_page(request: HttpRequest) -> HttpResponse:
    """New backup codes, or a new phone, for somebody who is in."""
    user = request.user
    assert isinstance(user, User)
    form = PasswordForm(request.POST or None, request=request)
    is_sure = request.method == "POST" and form.is_valid()
    if is_sure and "renew_codes" in request.POST:
        return _show_codes(request, user)
    if is_sure and "replace" in request.POST:
        forget_second_factor(user=user)
        if settings.STAFF_SECOND_FACTOR:
            return redirect("admin:second_factor")
        messages.success(request, _("Your second factor is removed."))
    has_device = user_has_device(user)
    context = {"has_device": has_device, "form": form, **_site(request)}
    return render(request, "staff/second_factor_settings.html", context)


@transaction.atomic
def _show_codes(request: HttpRequest, user: User) -> HttpResponse:
    """Fresh backup codes; the former ones are void."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="backup")
    codes = [StaticToken.random_token() for _number in range(BACKUP_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=code) for code in codes])
    return _page(request, None, codes=codes)


def _page(
    request: HttpRequest, form: CodeForm | None, *, picture: str = "", secret: str = "", codes: Sequence[str] = ()
) -> HttpResponse:
    context = {"form": form, "picture": picture, "secret": secret, "codes": codes, "next": page_wanted(request)}
    return render(request, "staff/second_factor.html", {**_site(request), **context})


def _site(request: HttpRequest) -> dict[str, object]:
    return {**admin.site.each_context(request), "title": _("Second factor")}


def page_wanted(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a page of ours."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours and wanted.startswith("/admin/") else reverse("admin:index")
