"""What a line of the queue shows."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from conversations.words import preview_words
from ondi.accounts.models import Membership
from ondi.common.times import in_words
from ondi.staff.entry import Staff
from support.actions import actions_open_to
from support.admin.buttons import BUTTONS
from support.admin.due import due_of
from support.models import Ticket
from support.vocabulary import TicketStatus, WaitingOn

STATUS_COLOURS = {TicketStatus.OPEN.value: "success", TicketStatus.CLOSED.value: "info"}
PRIORITY_COLOURS = {"urgent": "danger", "high": "warning", "medium": "info", "low": "default"}
PREVIEW = 90


@admin.display(description=gettext_lazy("subject"))
def subject(ticket: Ticket) -> SafeString:
    """Number and subject, and below them how the conversation stands."""
    said = preview_words(ticket.conversation)
    short = said if len(said) <= PREVIEW else f"{said[:PREVIEW]}…"
    return format_html(
        '<span class="wb-subject" dir="auto"><b>#{}</b> {}</span><span class="wb-preview" dir="auto">{}</span>',
        ticket.number, ticket.subject, short,
    )  # fmt: skip


@admin.display(description=gettext_lazy("about"))
def item(ticket: Ticket) -> SafeString | str:
    about = ticket.delivery or ticket.order
    if about is None:
        return ""
    kind = _("Delivery") if ticket.delivery else _("Order")
    return format_html('<span class="wb-kind">{}</span><bdi class="wb-code" title="{}">{}</bdi>', kind, about, about)


@display(description=gettext_lazy("status"), label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
def status(ticket: Ticket) -> tuple[str, Any]:
    return ticket.status, ticket.get_status_display()


@display(description=gettext_lazy("priority"), label=PRIORITY_COLOURS)  # type: ignore[untyped-decorator]
def priority(ticket: Ticket) -> tuple[str, Any]:
    return ticket.priority, ticket.get_priority_display()


def turn_for(staff: Staff) -> Callable[[Ticket], SafeString]:
    """The column with whose turn it is and since when, and by when something is promised; or when it comes back."""

    def due(ticket: Ticket) -> SafeString | str:
        found = due_of(ticket, timezone.now(), staff.zone_in(ticket.tenant_id))
        return format_html('<span class="wb-due wb-due-{}">{}</span>', found.state, found.text) if found else ""

    @admin.display(description=gettext_lazy("turn"))
    def turn(ticket: Ticket) -> SafeString:
        return format_html("<span>{}{}</span>", whose(ticket), due(ticket))

    def whose(ticket: Ticket) -> str:
        now = timezone.now()
        if ticket.snoozed_until and ticket.snoozed_until > now:
            zone = staff.zone_in(ticket.tenant_id)
            back = in_words(ticket.snoozed_until, zone=zone, named=not staff.shares_one_zone)
            return _("back on %(time)s") % {"time": back}
        if ticket.closed_at:
            return _("closed %(time)s ago") % {"time": timesince(ticket.closed_at, now, depth=1)}
        since = timesince(ticket.waiting_since, now, depth=1) if ticket.waiting_since else ""
        if ticket.waiting_on == WaitingOn.AGENT:
            return _("ours, for %(time)s") % {"time": since}
        return _("the customer's, for %(time)s") % {"time": since}

    return turn


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
