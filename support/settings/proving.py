"""Beside the sender address on the screen of settings: how far it is, and the form that proves it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.notifications.sender_codes import standing_of
from ondi.staff.once import SentBefore, sent_once
from ondi.tenants.models import PortalSettings
from support.settings.portal import Portal
from support.settings.services import ask_for_sender_code, prove_sender_address, proving_refusal


def sender_standing(row: PortalSettings, actor: Actor) -> str:
    """How far the sender address is, as HTML, with the form for who may prove it; empty where there is none."""
    address = Portal.read(row.values).sender_address
    if not address:
        return ""
    standing = standing_of(tenant_id=row.tenant_id, address=address, at=timezone.now())
    is_open = standing.is_allowed and standing.proved_at is None
    said = {
        "standing": standing,
        "domain": standing.address.rpartition("@")[2],
        "may_prove": is_open and proving_refusal(actor) is None,
        "action": reverse("admin:tenants_portalsettings_sender_address", args=[row.tenant_id]),
    }
    return render_to_string("support/sender_address.html", said)


def prove(request: HttpRequest, row: PortalSettings, actor: Actor, *, note: Callable[[str], object]) -> HttpResponse:
    """Send a code, or take the one that was entered. `note`: keeps what was done in the history of the settings."""
    page = reverse("admin:tenants_portalsettings_change", args=[row.tenant_id])
    if request.method != "POST":
        return redirect(page)
    asks, code = "ask" in request.POST, request.POST.get("code", "")
    try:
        with sent_once(request, tenant_id=row.tenant_id, said={"ask": asks, "code": code}) as sending:
            if asks:
                ask_for_sender_code(actor=actor)
                note("A code was mailed to the sender address.")
                messages.success(request, _("A code is mailed to the address. Enter it below the address."))
            elif prove_sender_address(actor=actor, code=code):
                note("The sender address was proved.")
                messages.success(request, _("Mails come from this address now."))
            else:
                messages.error(request, _("This is not the code. After five wrong ones another is needed."))
            sending.location = page
    except SentBefore as before:
        return before.answer(request)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect(page)
