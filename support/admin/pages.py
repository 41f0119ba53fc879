"""What the workbench's views share: the ticket a page is about, and who looks at it."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, OuterRef, Subquery, Value, When
from django.db.models.functions import Concat, Trim
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.staff.entry import Staff, staff_at, use_zone_of
from support.admin.macro_words import action_label
from support.draft_querysets import own_drafts
from support.errors import MacroStepRefused, TicketNotFound
from support.models import Ticket, TicketClock, TicketEvent
from support.querysets import TicketQuerySet
from support.vocabulary import EventKind, TicketSource

TicketView = Callable[..., HttpResponse]


def queue_url() -> str:
    return reverse("admin:support_ticket_changelist")


def ticket_url(ticket_id: UUID) -> str:
    return reverse("admin:support_ticket_change", args=[ticket_id])


def tickets_seen_by(staff: Staff) -> TicketQuerySet:
    """The tickets this person works on or looks at."""
    return Ticket.objects.in_tenants(staff.support_tenant_ids)


def ticket_seen_by(staff: Staff, ticket_id: UUID) -> Ticket | None:
    """With what its page shows, also its clocks (`due.promises_of`) and what this person has written and not sent.

    `taken_down_by`: the colleague who opened it for somebody on the phone, else None.
    """
    clocks = TicketClock.objects.filter(tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk")).as_json()
    opened = TicketEvent.objects.filter(
        tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("id"), kind=EventKind.OPENED, actor__isnull=False
    )
    name = Trim(Concat("actor__first_name", Value(" "), "actor__last_name"))
    colleague = Subquery(opened.order_by("created_at", "id").values(name=name)[:1])
    tickets = (
        tickets_seen_by(staff)
        .for_workbench()
        .annotate(clocks=ArraySubquery(clocks), taken_down_by=Case(When(source=TicketSource.PHONE, then=colleague)))
    )
    if staff.membership_ids:
        tickets = tickets.annotate(own=own_drafts(staff.membership_ids))
    return tickets.filter(id=ticket_id).first()


def of_ticket(view: TicketView) -> Callable[..., HttpResponse]:
    """Give the view its ticket and who this person is in the ticket's tenant; times are the tenant's.

    A ticket that does not exist or is not theirs to see: back to the queue with a sentence.
    """

    @wraps(view)
    def found(request: HttpRequest, ticket_id: UUID, **named: Any) -> HttpResponse:
        staff = staff_at(request)
        ticket = ticket_seen_by(staff, ticket_id)
        if ticket is None:
            return no_such_ticket(request)
        use_zone_of(request, ticket.tenant_id)
        return view(request, ticket, staff.actor_in(ticket.tenant_id), **named)

    return found


def no_such_ticket(request: HttpRequest) -> HttpResponse:
    request.row_not_found = True  # type: ignore[attr-defined]  # for the audit: it may be another tenant's
    messages.error(request, str(TicketNotFound()))
    return redirect("admin:index")


def whole_number(text: str) -> int | None:
    """A whole number from a form or an address, small enough for the database; None for anything else."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def came_from(request: HttpRequest, otherwise: str) -> str:
    """The page of the queue a button was on, or another address where none is named."""
    wanted = request.POST.get("from", "")
    return wanted if wanted.startswith(queue_url()) else otherwise


def refusal_text(refusal: DomainError, staff: Staff) -> str:
    """The refusal in words: the colleague in the way is named, the ticket that holds an item linked, and of a macro
    the step that cannot be."""
    if isinstance(refusal, MacroStepRefused):
        step, why = action_label(refusal.action), refusal_text(refusal.refusal, staff)
        return format_html("{} {}: {}", refusal.message, step, why)
    colleague = (refusal.data or {}).get("assigned_to_user")
    if colleague:
        return f"{refusal} ({colleague['name']})"
    blocking = (refusal.data or {}).get("existing_ticket_id")
    ticket = tickets_seen_by(staff).filter(id=blocking).first() if blocking else None
    if ticket is None:
        return str(refusal)
    link = format_html('<a class="underline" href="{}">{}</a>', ticket_url(ticket.id), ticket)
    return format_html("{}: {}", str(refusal), link)


def person_at(actor: Actor) -> str:
    return actor.full_name or _("Unnamed")
