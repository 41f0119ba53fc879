"""The door of an invitation: a page to set one's first password, and the link that leads there."""

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminPasswordWidget

from ondi.accounts.errors import InvitationInvalid
from ondi.accounts.invitations import accept_invitation, invitation_for, invited_address
from ondi.accounts.models import Membership
from ondi.api.views import address_of
from ondi.common.errors import InvalidInput
from ondi.notifications.link_mails import queue_invitation
from ondi.staff.copying import told_once
from ondi.staff.entry import staff_of

_LINK = "%(link)s"


class FirstPasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password", "autofocus": True}),
    )
    again = forms.CharField(
        label=gettext_lazy("The same again"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        """Raises `ValidationError` where the two differ."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise forms.ValidationError(_("The two are not the same."))
        return again


@transaction.non_atomic_requests  # hashes a password
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """For the person who has the link; it is good until the password is set, three days at the most."""
    form = FirstPasswordForm(request.POST or None)
    try:
        address = invited_address(token=token)
        if request.method == "POST" and form.is_valid():
            user = accept_invitation(token=token, password=form.cleaned_data["password"])
            return _page(request, done=True, is_staff=staff_of(user) is not None)
    except InvitationInvalid as refusal:
        return _page(request, fault=str(refusal), status=404)
    except InvalidInput:
        form.add_error("password", _("Choose a longer or less common password."))
    return _page(request, form=form, email=address)


def invite(request: HttpRequest, member: Membership) -> str:
    """Send the person their link where mail is configured; what the inviting admin is told, once.

    The link they may see is another than the mailed one, and there is none where somebody signs in with the
    address: then it goes by mail alone.
    """
    if not member.waits:
        return _("%(name)s signs in with the password they have.") % {"name": member}
    found = invitation_for(member)
    if found is None:
        return _("%(name)s has no e-mail here, or may not sign in.") % {"name": member}
    if settings.MAIL_IS_SENT:
        queue_invitation(member, site=address_of(request))
    if found.shown is not None:
        link = _address_of(request, found.shown)
        told = _("The link for %(name)s to set a password, shown only now: %(link)s")
        return told_once(told % {"name": member, "link": _LINK}, _LINK, link)
    if settings.MAIL_IS_SENT:
        return _("The link is sent to %(name)s.") % {"name": member}
    return _("The link for %(name)s can only be sent by e-mail, and no mail is configured here.") % {"name": member}


def _address_of(request: HttpRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("admin:invitation", args=[token]))


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    site = {**admin.site.each_context(request), "title": _("Set your password")}
    return render(request, "staff/invitation.html", {**site, **context}, status=status)
