"""Mails about tickets, to customers and to staff. Words leave only where the tenant and the address allow."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from conversations.models import Message, MessageType, SenderRole
from conversations.people import CUSTOMER, SUPPORT, person_name
from ondi.accounts.models import Membership
from ondi.notifications.gathering import PURPOSE, still_to_tell
from ondi.notifications.letters import Letter, Quote
from ondi.notifications.mails import Drop, Later, writes
from ondi.notifications.models import Mail, Notification
from ondi.notifications.senders import Sender, says_sender
from ondi.notifications.types import TYPES
from ondi.notifications.unsubscribing import unsubscribe_url
from ondi.tenants.models import PortalSettings, Tenant
from support.models import Ticket
from support.settings.portal import MailContent, Portal

MOST_QUOTES = 10


@says_sender
def sender_of_portal(tenant: Tenant) -> Sender:
    portal = _portal(tenant)
    return Sender(
        name=portal.sender_name or tenant.name,
        wanted_address=portal.sender_address,
        reply_to=portal.reply_to,
        signature=portal.signature,
        password_url=portal.portal_password_url,
    )


@writes(PURPOSE)
def write_ticket_mail(mail: Mail, at: datetime) -> Letter | Drop | Later:
    """One mail of all that is still to be told of a ticket."""
    told = still_to_tell(mail, at)
    if not isinstance(told, list):
        return told
    member = mail.membership
    ticket = Ticket.objects.in_tenants([mail.tenant_id]).filter(id__in=[mail.subject_id]).first()
    if ticket is None:
        return Drop("purged")
    is_customer, portal = ticket.requester_id == member.id, _portal(member.tenant)
    language = member.language or member.tenant.language
    with override(language):
        page = _page_for_customer(portal, ticket) if is_customer else _page_for_staff(ticket)
        where = [] if page else [_("You find it in the portal of %(tenant)s.") % {"tenant": member.tenant.name}]
        return Letter(
            language=language,
            # The same for all of a ticket: some programs keep mails together by it.
            subject=_("Ticket #%(number)s: %(tenant)s") % {"number": ticket.number, "tenant": member.tenant.name},
            heading=_title(told[-1]),
            paragraphs=[*dict.fromkeys(_title(one) for one in told[:-1] if _title(one) != _title(told[-1])), *where],
            quotes=_quotes(told, member, is_customer=is_customer) if _words_may_leave(portal, member) else [],
            button=(_("Open the ticket"), page) if page else None,
            thread=f"{ticket.id} {member.id}",
            unsubscribe=unsubscribe_url(member) if is_customer else "",
        )


def _words_may_leave(portal: Portal, member: Membership) -> bool:
    return portal.mail_content == MailContent.FULL and member.email_is_proved


def _title(one: Notification) -> str:
    return str(TYPES[one.notification_type].title) % {"number": one.data["number"]}


def _page_for_customer(portal: Portal, ticket: Ticket) -> str:
    return portal.portal_ticket_url.get(ticket.source, "").replace("{ticket_id}", str(ticket.id))


def _page_for_staff(ticket: Ticket) -> str:
    path = reverse("admin:support_ticket_change", args=[ticket.id])
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""


def _quotes(told: Sequence[Notification], member: Membership, *, is_customer: bool) -> list[Quote]:
    """What people wrote in the messages that are told of, the newest of them."""
    wanted = [one.message_id for one in told if one.message_id][-MOST_QUOTES:]
    said = Message.objects.in_tenants([member.tenant_id]).filter(id__in=wanted, message_type=MessageType.TEXT)
    messages = list(said.order_by("sequence"))
    senders = Membership.objects.in_tenants([member.tenant_id]).filter(id__in={one.sender_id for one in messages})
    people: dict[UUID | None, Membership] = {one.id: one for one in senders}
    return [
        Quote(_author(people.get(one.sender_id), one.sender_role, is_customer=is_customer), one.content)
        for one in messages
    ]


def _author(person: Membership | None, role: str, *, is_customer: bool) -> str:
    nobody = CUSTOMER if role == SenderRole.CUSTOMER else SUPPORT
    first, last = (person.first_name, person.last_name) if person else ("", "")
    return person_name(first, last, nobody=nobody, short=is_customer)


def _portal(tenant: Tenant) -> Portal:
    """A tenant without a row of settings has all at their defaults."""
    row = PortalSettings.objects.filter(tenant=tenant).first()
    return Portal.read(row.values if row else {})
