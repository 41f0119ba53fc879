"""Links by which people set their password, as tests make and open them."""

import re

from django.core import mail
from django.test import Client
from django.urls import reverse

from ondi.accounts.invitations import invitation_for
from ondi.accounts.models import Membership
from ondi.notifications.mails import send_due
from ondi.tenants.scope import tenant_scope

SECRET = "a rather good secret"
ADDRESS = re.compile(r"https?://[^\s<>\"]+")


def link_for(member, kind="shown"):
    """The path of a link for this person; None where there is none of this kind."""
    with tenant_scope(member.tenant_id):
        found = invitation_for(Membership.objects.select_related("user").get(pk=member.pk))
    token = getattr(found, kind, None)
    return token and reverse("admin:invitation", args=[token])


def outbox():
    """All mails, with what is due by now."""
    while send_due():
        pass
    return mail.outbox


def open_link(link, password=SECRET):
    """Choose a password on its page."""
    return Client().post(link, {"password": password, "again": password})
