"""What a line of the queue shows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from conversations.models import MessageType
from conversations.words import preview_words
from ondi.accounts.models import Membership
from ondi.common.text import html_to_text
from ondi.common.times import in_words
from ondi.staff.entry import Staff
from support.actions import actions_open_to
from support.admin.buttons import BUTTONS
from support.admin.due import due_of
from support.admin.marks import marked
from support.models import Ticket
from support.vocabulary import TicketStatus, WaitingOn

STATUS_COLOURS = {TicketStatus.OPEN.value: "success", TicketStatus.CLOSED.value: "info"}
PRIORITY_COLOURS = {"urgent": "danger", "high": "warning", "medium": "info", "low": "default"}
PREVIEW = 90
MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds
THIS_WEEK = timedelta(days=6)


def subject_for(term: str) -> Callable[[Any], SafeString]:
    """The column with number, subject, short marks, and what a person said last; what was searched for is marked."""

    @admin.display(description=gettext_lazy("subject"))
    def subject(ticket: Any) -> SafeString:
        unread = format_html('<span class="wb-hidden">{}</span>', _("Unread")) if ticket.is_unread else ""
        return format_html(
            '{}<span class="wb-subject{}" dir="auto"><b>#{}</b> <span>{}</span></span>{}'
            '<span class="wb-preview" dir="auto">{}</span>',
            unread, " wb-unread" if ticket.is_unread else "", ticket.number, marked(ticket.subject, term),
            _short_marks(ticket), marked(_said(ticket), term),
        )  # fmt: skip

    return subject


def _short_marks(ticket: Any) -> SafeString | str:
    """That this person has begun to write there, and the tags."""
    draft = format_html('<span class="wb-label wb-begun">{}</span>', _("Draft")) if ticket.has_draft else ""
    tags = format_html_join("", '<bdi class="wb-tag">{}</bdi>', ((name,) for name in sorted(ticket.tag_names)))
    return format_html('<span class="wb-tags">{}{}</span>', draft, tags) if draft or tags else ""


def _said(ticket: Any) -> str:
    """What a person said last, though something happened since; where nobody did, what happened."""
    said = ticket.said if ticket.conversation.last_message_event else None
    if said is None:
        text = preview_words(ticket.conversation)
    else:
        text = html_to_text(said["text"]) if said["kind"] == MessageType.HTML else said["text"]
    text = " ".join(text.split())
    return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}…"


def requester_for(term: str) -> Callable[[Ticket], SafeString]:
    @admin.display(description=gettext_lazy("customer"))
    def requester(ticket: Ticket) -> SafeString:
        return format_html('<bdi class="wb-name">{}</bdi>', marked(str(ticket.requester), term))

    return requester


def item_for(term: str) -> Callable[[Ticket], SafeString | str]:
    @admin.display(description=gettext_lazy("about"))
    def item(ticket: Ticket) -> SafeString | str:
        about = ticket.delivery or ticket.order
        if about is None:
            return ""
        kind = _("Delivery") if ticket.delivery else _("Order")
        return format_html(
            '<span class="wb-kind">{}</span><bdi class="wb-code" title="{}">{}</bdi>', kind, about,
            marked(str(about), term),
        )  # fmt: skip

    return item


@display(description=gettext_lazy("status"), label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
def status(ticket: Ticket) -> tuple[str, Any]:
    return ticket.status, ticket.get_status_display()


@display(description=gettext_lazy("priority"), label=PRIORITY_COLOURS)  # type: ignore[untyped-decorator]
def priority(ticket: Ticket) -> tuple[str, Any]:
    return ticket.priority, ticket.get_priority_display()


def turn_for(staff: Staff) -> Callable[[Ticket], SafeString]:
    """The column with whose turn it is and since when, and by when something is promised; or when it comes back."""
    now = timezone.now()

    def due(ticket: Ticket) -> SafeString | str:
        found = due_of(ticket, now, staff.zone_in(ticket.tenant_id))
        return format_html('<span class="wb-due wb-due-{}">{}</span>', found.state, found.text) if found else ""

    @admin.display(description=gettext_lazy("turn"))
    def turn(ticket: Ticket) -> SafeString:
        return format_html('<span class="wb-turn">{}{}</span>', whose(ticket), due(ticket))

    def whose(ticket: Ticket) -> str:
        if ticket.snoozed_until and ticket.snoozed_until > now:
            return _("back %(time)s") % {"time": _back(ticket, staff, now)}
        if ticket.closed_at:
            return _("closed %(time)s ago") % {"time": short_span(now - ticket.closed_at)}
        since = short_span(now - ticket.waiting_since) if ticket.waiting_since else ""
        if ticket.waiting_on == WaitingOn.AGENT:
            return _("waiting %(time)s") % {"time": since}
        return _("customer's turn %(time)s") % {"time": since}

    return turn


def short_span(span: timedelta) -> str:
    """So long, in its largest unit: "5 min", "1 h", "2 d"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < HOUR:
        return _("%(minutes)d min") % {"minutes": seconds // MINUTE}
    if seconds < DAY:
        return _("%(hours)d h") % {"hours": seconds // HOUR}
    return _("%(days)d d") % {"days": seconds // DAY}


def _back(ticket: Ticket, staff: Staff, now: datetime) -> str:
    """The time alone today, the day of the week within one, else the date; with the zone where tenants have several."""
    assert ticket.snoozed_until is not None
    zone = staff.zone_in(ticket.tenant_id)
    if not staff.shares_one_zone or ticket.snoozed_until - now > THIS_WEEK:
        return in_words(ticket.snoozed_until, zone=zone, named=not staff.shares_one_zone)
    local = timezone.localtime(ticket.snoozed_until, zone)
    return date_format(local, "H:i" if local.date() == timezone.localtime(now, zone).date() else "D H:i")


def _tickets_of(assignee: Membership, staff: Staff) -> SafeString:
    whose = "me" if assignee.id in staff.membership_ids else assignee.id
    query = urlencode({"tab": "open", "assignee": whose})
    address = f"{reverse('admin:support_ticket_changelist')}?{query}"
    title = _("Open tickets of %(name)s") % {"name": assignee}
    return format_html('<a class="wb-assignee" href="{}" title="{}"><bdi>{}</bdi></a>', address, title, assignee)


def claiming_by(staff: Staff) -> Callable[[Ticket], SafeString | str]:
    """The column with whose ticket it is, or the button that makes it this person's."""

    @admin.display(description=gettext_lazy("assignee"))
    def assignee(ticket: Ticket) -> SafeString | str:
        if "claim" not in actions_open_to(ticket, staff.actor_in(ticket.tenant_id)):
            return _tickets_of(ticket.assignee, staff) if ticket.assignee else ""
        return format_html(
            '<button type="submit" form="wb-claim" formaction="{}" class="wb-button" aria-label="{}">{}</button>',
            reverse("admin:support_ticket_action", args=[ticket.id, "claim"]),
            _("Claim %(ticket)s") % {"ticket": ticket},
            BUTTONS["claim"].label,
        )

    return assignee
