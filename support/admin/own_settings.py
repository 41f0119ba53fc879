"""How somebody works at tickets: their own choices, in all their tenants alike."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from ondi.accounts.models import LONGEST_WAIT, AfterSending
from ondi.accounts.own_settings import choose_wait, choose_way_on
from ondi.staff.entry import staff_at


class OwnSettingsForm(forms.Form):
    send_wait = forms.IntegerField(
        label=gettext_lazy("Seconds in which what you send can be taken back (0 to 30; 0: it is sent at once)"),
        min_value=0,
        max_value=LONGEST_WAIT,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    after_sending = forms.ChoiceField(
        label=gettext_lazy("After an answer"), choices=AfterSending.choices, widget=UnfoldAdminSelectWidget
    )


def own_settings(request: HttpRequest) -> HttpResponse:
    """For who answers tickets; nobody else has anything to choose there."""
    staff, here = staff_at(request), reverse("admin:support_ticket_own_settings")
    if not staff.working_tenant_ids:
        messages.error(request, _("Only support users can do this."))
        return redirect("admin:index")
    user = staff.user
    posted = request.POST if request.method == "POST" else None
    form = OwnSettingsForm(posted, initial={"send_wait": user.send_wait, "after_sending": user.after_sending})
    if posted is not None and form.is_valid():
        choose_wait(user=user, seconds=form.cleaned_data["send_wait"])
        choose_way_on(user=user, after_sending=form.cleaned_data["after_sending"])
        messages.success(request, _("Saved."))
        return redirect(here)
    context = {"title": _("My settings"), "form": form}
    status = 400 if form.errors else 200
    return render(request, "support/own_settings.html", {**admin.site.each_context(request), **context}, status=status)
