"""What somebody writes at a ticket, as their browsers keep it; what waits to be sent, and taking it back."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ondi.accounts.actors import Actor
from ondi.api.responses import STATUS_OF_KIND
from ondi.common.errors import DomainError, PermissionDenied
from ondi.common.ids import parse_id
from ondi.files.errors import AttachmentNotFound, AttachmentNotUploaded
from ondi.files.services import MOST_FILES
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import PlainTextField
from ondi.staff.once import FORM_ID
from support import drafts as services
from support.admin.forms import FileIdsField
from support.admin.pages import of_ticket, ticket_url
from support.drafts import Writing
from support.errors import (
    AssigneeNotASupportUser,
    NotASupportUser,
    TagNotFound,
    TicketAlreadyAssigned,
    TicketAlreadyOpenForRelated,
    TicketChanged,
    TicketClosed,
    TicketNotAssignedToYou,
    TicketNotFound,
)
from support.models import Draft, Ticket
from support.vocabulary import LONGEST_DRAFT, WRITTEN, DraftKind

# What can come between an answer, or a macro, and its time.
_REFUSALS = {
    one.code: one.message
    for one in (
        TicketChanged, TicketClosed, TicketNotFound, NotASupportUser, PermissionDenied, AttachmentNotFound,
        AttachmentNotUploaded, AssigneeNotASupportUser, TagNotFound, TicketAlreadyAssigned,
        TicketAlreadyOpenForRelated, TicketNotAssignedToYou,
    )
}  # fmt: skip


class DraftForm(forms.Form):
    """What stands in a composer; `known`: the draft its page began with."""

    kind = forms.ChoiceField(choices=[(kind, kind.label) for kind in WRITTEN])
    content = PlainTextField(max_length=LONGEST_DRAFT, required=False)
    attachment_ids = FileIdsField()
    known = forms.CharField(required=False, max_length=40)

    def clean_known(self) -> datetime | None:
        try:
            return parse_datetime(self.cleaned_data["known"])
        except ValueError:
            return None


@require_POST
@of_ticket
def keep(request: HttpRequest, ticket: Ticket, actor: Actor) -> JsonResponse:
    """Asked whenever somebody pauses, and once more as they leave the page."""
    form = DraftForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"kept": False}, status=400)
    said = form.cleaned_data
    writing = Writing(said["kind"], said["content"], said["attachment_ids"][:MOST_FILES])
    try:
        kept = services.keep_draft(
            actor=actor, ticket_id=ticket.id, writing=writing, known_at=said["known"],
            form_id=parse_id(request.POST.get(FORM_ID)), is_leaving="leaving" in request.POST,
        )  # fmt: skip
    except DomainError as refusal:
        return JsonResponse({"kept": False}, status=STATUS_OF_KIND[refusal.kind])
    return JsonResponse({"known": stamp_of(kept.at), "replaced": kept.replaced})


@of_ticket
def take_back(request: HttpRequest, ticket: Ticket, actor: Actor, kind: str) -> HttpResponse:
    """Back into the composer of its ticket; or it is out already."""
    if request.method != "POST":
        return redirect(ticket_url(ticket.id))
    try:
        services.take_back(actor=actor, ticket_id=ticket.id, kind=kind)
    except DomainError as refusal:
        messages.info(request, f"#{ticket.number}: {refusal}")
        return redirect(ticket_url(ticket.id))
    return redirect(f"{ticket_url(ticket.id)}?back={kind}")


def wait_of(request: HttpRequest) -> timedelta:
    """How long what this person sends can be taken back; not at all where no script of the page says it can."""
    seconds = staff_at(request).user.send_wait if request.POST.get("wait") else 0
    return timedelta(seconds=seconds)


def stamp_of(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def told_of_drafts(staff: Staff) -> list[dict[str, Any]]:
    """What every open page of this person says of what they sent: what waits still, and what could not be sent."""
    if not staff.membership_ids:
        return []
    told, uses = [], defaultdict(list)
    for one in Draft.objects.in_tenants(staff.tenant_ids).told_to(staff.membership_ids):
        if one.kind == DraftKind.MACRO and one.send_at:
            uses[one.form].append(one)
        else:
            told.append(_waits(one) if one.send_at else _came_back(one))
    return [*told, *map(_use_waits, uses.values())]


def _waits(draft: Draft) -> dict[str, Any]:
    """`sent`: what is said once it is out."""
    number, left = draft.ticket.number, seconds_left(draft)
    seconds = _counted(left)
    text, sent = _("#{number}: sent in {seconds} s"), format_html(_("#{number}: sent."), number=number)
    if draft.closes:
        text = _("#{number}: sent and closed in {seconds} s")
        sent = with_undo(format_html(_("#{number} is closed; your words are out."), number=number), draft.ticket_id)
    waits = with_button(format_html(text, number=number, seconds=seconds), back_url(draft), _("Take back"))
    return {"id": str(draft.id), "page": ticket_url(draft.ticket_id), "left": left, "html": waits, "sent": sent}


def _use_waits(drafts: Sequence[Draft]) -> dict[str, Any]:
    """A macro, on one ticket or on several: they are taken back together. `count`: how many can come back."""
    first, count = drafts[0], len(drafts)
    several = ngettext("“{name}” on {count} ticket in {seconds} s", "“{name}” on {count} tickets in {seconds} s", count)
    text = _("#{number}: “{name}” in {seconds} s") if count == 1 else several
    left = max(map(seconds_left, drafts))
    named = {"number": first.ticket.number, "name": first.content, "count": count}
    waits = with_button(format_html(text, seconds=_counted(left), **named), back_url(first), _("Take back"))
    done = with_button(format_html(_("“{name}” is done."), **named), back_url(first), _("Undo"))
    page = ticket_url(first.ticket_id) if count == 1 else ""
    return {"id": str(first.form), "page": page, "left": left, "html": waits, "sent": done, "count": count}


def _came_back(draft: Draft) -> dict[str, Any]:
    page, said = ticket_url(draft.ticket_id), {"number": draft.ticket.number, "reason": refusal_of(draft)}
    if draft.kind == DraftKind.MACRO:
        text = format_html(_("#{number}: “{name}” was not done. {reason}"), name=draft.content, **said)
        html = with_button(format_html('<a href="{}">{}</a>', page, text), back_url(draft), _("OK"))
        return {"id": f"{draft.form}!{draft.id}", "page": "", "left": 0, "html": html}
    html = format_html('<a href="{}">{}</a>', page, _("#%(number)s was not sent: %(reason)s") % said)
    return {"id": f"{draft.id}!", "page": page, "left": 0, "html": html}


def _counted(left: float) -> SafeString:
    return format_html('<b data-left="{}" aria-hidden="true"></b>', left)


def with_undo(said: str, ticket_id: UUID) -> SafeString:
    """A closing can be taken back; the words it came with are out."""
    return with_button(said, reverse("admin:support_ticket_action", args=[ticket_id, "reopen"]), _("Undo"))


def with_button(said: str, address: str, label: str) -> SafeString:
    """A sentence for a toast, with a button that posts to this address."""
    return format_html('<span>{}</span> <a class="underline" href="{}" data-post>{}</a>', said, address, label)


def seconds_left(draft: Draft) -> float:
    return max(((draft.send_at or timezone.now()) - timezone.now()).total_seconds(), 0.0)


def back_url(draft: Draft) -> str:
    if draft.kind == DraftKind.MACRO:
        return use_url(draft.ticket_id, draft.form)
    return reverse("admin:support_ticket_take_back", args=[draft.ticket_id, draft.kind])


def use_url(ticket_id: UUID, use: UUID | None) -> str:
    """Where a use of a macro is taken back."""
    return reverse("admin:support_ticket_macro_back", args=[ticket_id, use])


def refusal_of(draft: Draft) -> str:
    """Why it could not be sent, in words."""
    return str(_REFUSALS.get(draft.refused, _("Something went wrong. Send it again.")))
