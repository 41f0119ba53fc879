"""Mails with a link to set a password: for who is invited, and for who forgot theirs. It is made when it is sent."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from ondi.accounts.invitations import invitation_for, may_be_invited
from ondi.accounts.links import Purpose, make_link, make_login_link
from ondi.accounts.models import Membership
from ondi.accounts.signals import reset_asked
from ondi.notifications.letters import Letter, one_line
from ondi.notifications.mails import Drop, Later, queue_mail, writes
from ondi.notifications.models import Mail
from ondi.notifications.senders import sender_of

INVITATION, RESET = "invitation", "password_reset"


def queue_invitation(member: Membership, *, site: str) -> None:
    """Mail this person, whose tenant is in scope, their link. `site`: how a link of ours begins."""
    queue_mail(tenant_id=member.tenant_id, membership_id=member.id, purpose=INVITATION, data={"site": site})


@receiver(reset_asked)
def queue_reset(membership: Membership, site: str, **_signal: Any) -> None:
    queue_mail(tenant_id=membership.tenant_id, membership_id=membership.id, purpose=RESET, data={"site": site})


@writes(INVITATION)
def write_invitation(mail: Mail, at: datetime) -> Letter | Drop | Later:
    member = mail.membership
    found = invitation_for(member)
    if found is None:
        return Drop("not_invited")
    with override(_language(member)):
        return Letter(
            language=_language(member),
            subject=_("Your access to %(tenant)s") % {"tenant": one_line(member.tenant.name)},
            heading=_("Your access to %(tenant)s") % {"tenant": one_line(member.tenant.name)},
            paragraphs=[_("Set your password within three days. The link is good once.")],
            button=(_("Set your password"), _page(mail, found.mailed)),
        )


@writes(RESET)
def write_reset(mail: Mail, at: datetime) -> Letter | Drop | Later:
    """For somebody who signs in with the address, or waits for a link."""
    member = mail.membership
    login = member.user
    if may_be_invited(member, login):
        to, token = str(member.email), make_link(Purpose.RESET, member)
    elif login.email and login.is_active and not login.is_superuser:
        to, token = login.email, make_login_link(login)  # to the name they sign in with, whatever the tenant typed
    else:
        return Drop("not_invited")
    page = sender_of(mail.tenant_id).password_url.replace("{token}", token) or _page(mail, token)
    with override(_language(member)):
        return Letter(
            language=_language(member),
            subject=_("Your password for %(tenant)s") % {"tenant": one_line(member.tenant.name)},
            heading=_("Your password for %(tenant)s") % {"tenant": one_line(member.tenant.name)},
            paragraphs=[
                _("Set another password within one hour. The link is good once."),
                _("If you did not ask for this, there is nothing to do."),
            ],
            button=(_("Set another password"), page),
            to=to,
        )


def _page(mail: Mail, token: str) -> str:
    return f"{mail.data['site']}{reverse('admin:invitation', args=[token])}"


def _language(member: Membership) -> str:
    return member.language or member.tenant.language
