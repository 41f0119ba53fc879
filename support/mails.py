"""Mails about tickets, to customers and to staff. Words leave only where the tenant and the address allow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from conversations.models import Message, MessageType, SenderRole
from conversations.people import CUSTOMER, SUPPORT, person_name
from ondi.accounts.models import Membership
from ondi.files.models import Parent, State, StoredFile
from ondi.notifications.gathering import PURPOSE, still_to_tell
from ondi.notifications.letters import Envelope, Letter, Quote, message_of
from ondi.notifications.mails import Drop, Later, writes
from ondi.notifications.models import Mail, Notification
from ondi.notifications.senders import Sender, says_sender
from ondi.notifications.texts import Text, texts_for
from ondi.notifications.types import Channel
from ondi.notifications.unsubscribing import unsubscribe_url
from ondi.tenants.models import PortalSettings, Tenant
from support.models import Ticket
from support.notices import SAMPLE_NUMBER
from support.settings.portal import MailContent, Portal

MOST_QUOTES = 10


@says_sender
def sender_of_portal(tenant: Tenant) -> Sender:
    return _sender(tenant, _portal(tenant))


def _sender(tenant: Tenant, portal: Portal) -> Sender:
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
        texts = texts_for(told, Channel.EMAIL)
        return _letter(
            member.tenant,
            ticket.number,
            [texts.of(one, ticket_number=one.data["number"]) for one in told],
            page=_page_for_customer(portal, ticket) if is_customer else _page_for_staff(ticket),
            quotes=_quotes(told, member, is_customer=is_customer) if _words_may_leave(portal, member) else [],
            thread=f"{ticket.id} {member.id}",
            unsubscribe=unsubscribe_url(member) if is_customer else "",
        )


def _letter(
    tenant: Tenant,
    number: int,
    said: Sequence[Text],
    *,
    page: str,
    quotes: Sequence[Quote] = (),
    thread: str = "",
    unsubscribe: str = "",
) -> Letter:
    """In the language in force: the newest of what is said is its heading. `page`: where the button leads, or empty."""
    *earlier, newest = said
    words = [newest.message, *(part for one in earlier for part in (one.title, one.message))]
    where = "" if page else _("You find it in the portal of %(tenant)s.") % {"tenant": tenant.name}
    return Letter(
        language=get_language(),
        # The same for all of a ticket: some programs keep mails together by it.
        subject=_("Ticket #%(number)s: %(tenant)s") % {"number": number, "tenant": tenant.name},
        heading=newest.title,
        paragraphs=[part for part in dict.fromkeys([*words, where]) if part not in ("", newest.title)],
        quotes=quotes,
        button=(_("Open the ticket"), page) if page else None,
        thread=thread,
        unsubscribe=unsubscribe,
    )


def mails_saying(tenant: Tenant, texts: Mapping[str, Text]) -> dict[str, str]:
    """The mails, as HTML, in which a customer of this tenant reads these texts; both by language. One statement.

    Of a ticket that there is not: the button leads to the portal's page where there is one.
    """
    portal = _portal(tenant)
    page = next((portal.portal_ticket_url[source] for source in sorted(portal.portal_ticket_url)), "")
    envelope = Envelope(mail_id=UUID(int=0), tenant_id=tenant.id, to="", sender=_sender(tenant, portal))
    found = {}
    for language, text in texts.items():
        with override(language):
            letter = _letter(tenant, SAMPLE_NUMBER, [text], page=page, unsubscribe="#")
            ((html, _kind),) = message_of(letter, envelope).alternatives
        found[language] = str(html)
    return found


def _words_may_leave(portal: Portal, member: Membership) -> bool:
    return portal.mail_content == MailContent.FULL and member.email_is_proved


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
    names = _file_names(messages)
    return [
        Quote(
            _author(people.get(one.sender_id), one.sender_role, is_customer=is_customer),
            "\n".join(part for part in (one.content, names.get(one.id)) if part),
        )
        for one in messages
    ]


def _file_names(messages: Sequence[Message]) -> Mapping[UUID, str]:
    """What was sent with these, by name but for what was refused; asks nothing where nothing was."""
    wanted = [one.id for one in messages if one.attachment_count]
    found: dict[UUID, list[str]] = {key: [] for key in wanted}
    if wanted:
        files = StoredFile.objects.in_tenants({one.tenant_id for one in messages})
        for file in files.of(Parent.MESSAGE, wanted).exclude(state=State.REFUSED):
            assert file.parent_id
            found[file.parent_id].append(f"\u2068{file.file_name}\u2069")  # of whatever direction
    return {key: _("Files: %(names)s") % {"names": ", ".join(names)} for key, names in found.items() if names}


def _author(person: Membership | None, role: str, *, is_customer: bool) -> str:
    nobody = CUSTOMER if role == SenderRole.CUSTOMER else SUPPORT
    first, last = (person.first_name, person.last_name) if person else ("", "")
    return person_name(first, last, nobody=nobody, short=is_customer)


def _portal(tenant: Tenant) -> Portal:
    """A tenant without a row of settings has all at their defaults."""
    row = PortalSettings.objects.filter(tenant=tenant).first()
    return Portal.read(row.values if row else {})
