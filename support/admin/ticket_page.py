"""The page of a ticket: the thread, a composer, what can be done, and everything an agent asks about it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.models import Participant
from conversations.services import mark_read, note_on_screen
from deliveries.timing import is_late, punctuality
from ondi.accounts.actors import Actor
from ondi.accounts.models import AfterSending, Membership
from ondi.api.responses import STATUS_OF_KIND
from ondi.api.views import address_of
from ondi.common.errors import DomainError
from ondi.common.ids import parse_id
from ondi.files.kinds import ALLOWED
from ondi.files.models import MOST_BYTES
from ondi.files.services import MOST_FILES
from ondi.staff.entry import staff_at
from ondi.staff.once import SentBefore, sent_once
from ondi.staff.session_limits import POLL_HEADER
from support import services
from support.actions import actions_open_to
from support.admin.buttons import BUTTONS
from support.admin.done import done_text
from support.admin.drafts import back_url, seconds_left, with_undo
from support.admin.due import Due, due_of, promises_of
from support.admin.files import faults_of
from support.admin.forms import NoteForm, ReplyForm, WritingForm
from support.admin.notifications import ON_SCREEN_FOR, note_read
from support.admin.pages import (
    came_from,
    of_ticket,
    queue_url,
    refusal_text,
    ticket_seen_by,
    ticket_url,
    tickets_seen_by,
    whole_number,
)
from support.admin.tabs import waiting_for
from support.admin.texts import canned_replies_for
from support.admin.thread import SHOWN_AT_FIRST, SHOWN_AT_MOST, name_of, said_of, thread_of
from support.admin.timeline import timeline_of
from support.admin.writing import Composer, panes_of, remember_way_on, send
from support.draft_querysets import drafts_at
from support.drafts import Writing
from support.errors import TicketChanged
from support.models import Tag, Ticket, TicketViewer
from support.placeholders import NAMES
from support.services import Seen
from support.told import told_of
from support.vocabulary import WRITTEN, DraftKind


@of_ticket
def ticket_page(request: HttpRequest, ticket: Ticket, actor: Actor) -> HttpResponse:
    """Who opens it reads it, and what told of it; who only has it open may be elsewhere (`news`)."""
    page = _page(request, ticket, actor, Composer())
    if POLL_HEADER not in request.headers and actor.membership_id is not None:
        mark_read(
            tenant_id=ticket.tenant_id, membership_id=actor.membership_id, conversation_id=ticket.conversation_id,
            sequence=ticket.conversation.message_count,
        )  # fmt: skip
    return page


@of_ticket
def reply(request: HttpRequest, ticket: Ticket, actor: Actor) -> HttpResponse:
    """Send an answer. What is refused stays in the composer, with the reason."""
    if request.method != "POST":  # after signing in again on the way people come back here; the draft is kept
        return redirect(ticket_url(ticket.id))
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return _page(request, ticket, actor, replace(Composer.of("reply", form), faults=_faults(form)), status=400)
    composer = Composer.of("reply", form)
    seen = Seen(form.cleaned_data["last_sequence"], form.cleaned_data["assignee"], form.cleaned_data["status"])
    remember_way_on(request)  # first, for logins are locked before tickets
    closing, then = "close" in request.POST, _leads_to(request, ticket)
    writing = Writing(DraftKind.REPLY, form.cleaned_data["content"], composer.file_ids, seen, closing)
    try:
        with sent_once(request, tenant_id=ticket.tenant_id, said={**_written(form), "close": closing}) as sending:
            waits = send(request, ticket, actor, writing)
            sending.location = then
    except SentBefore as before:
        return _sent_before(request, ticket, actor, composer, before)
    except TicketChanged as refusal:
        return _refused(request, ticket, actor, replace(composer, seen=seen), refusal)
    except DomainError as refusal:
        return _refused(request, ticket, actor, replace(composer, faults=[faults_of(refusal)]), refusal)
    if not waits:
        said = _("Sent, and the ticket is closed.") if closing else _("Sent.")
        said = said if then.startswith(ticket_url(ticket.id)) else f"#{ticket.number}: {said}"
        messages.success(request, with_undo(said, ticket.id) if closing else said)
    return redirect(then)


def _leads_to(request: HttpRequest, ticket: Ticket) -> str:
    """Where an answer leads, as its writer chose: it stays, or goes on in the list the ticket was opened from.

    What comes behind the `#` tells the page there which draft is sent.
    """
    then, following = request.POST.get("then"), parse_id(request.POST.get("next", ""))
    if then == "next" and following:
        return f"{ticket_url(following)}#done=reply:{ticket.id}"
    if then in ("next", "list"):
        return f"{came_from(request, queue_url())}#done=reply:{ticket.id}"
    return f"{ticket_url(ticket.id)}?done=reply"


@of_ticket
def note(request: HttpRequest, ticket: Ticket, actor: Actor) -> HttpResponse:
    """Write an internal note. What is refused stays in the composer, with the reason."""
    if request.method != "POST":
        return redirect(ticket_url(ticket.id))
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, ticket, actor, replace(Composer.of("note", form), faults=_faults(form)), status=400)
    composer, done = Composer.of("note", form), f"{ticket_url(ticket.id)}?done=note"
    writing = Writing(DraftKind.NOTE, form.cleaned_data["content"], composer.file_ids)
    try:
        with sent_once(request, tenant_id=ticket.tenant_id, said=_written(form)) as sending:
            waits = send(request, ticket, actor, writing)
            sending.location = done
    except SentBefore as before:
        return _sent_before(request, ticket, actor, composer, before)
    except DomainError as refusal:
        return _refused(request, ticket, actor, replace(composer, faults=[faults_of(refusal)]), refusal)
    if not waits:
        messages.success(request, _("Note written. Customers do not see it."))
    return redirect(done)


@of_ticket
def news(request: HttpRequest, ticket: Ticket, actor: Actor) -> HttpResponse:
    """What the open page asks when the stream says so, else every few seconds: what changed, who else is here."""
    has_read = False
    if actor.membership_id is not None:
        services.note_presence(ticket=ticket, membership_id=actor.membership_id)
        if "seen" in request.GET:
            _note_on_screen(request, ticket, actor.membership_id)
            has_read = note_read(actor, ticket.conversation_id, told_before=ON_SCREEN_FOR)
    viewers = TicketViewer.objects.others_at(ticket, actor.membership_id, timezone.now())
    names = ", ".join(str(viewer.membership) for viewer in viewers)
    told = _("Also here: %(names)s") % {"names": names} if names else ""
    waiting = waiting_for(staff_at(request))
    shown = _version_shown(ticket, due_of(ticket, timezone.now(), ZoneInfo(actor.tenant.time_zone)))
    return JsonResponse({"version": shown, "viewers": told, "waiting": waiting, "has_read": has_read})


def _note_on_screen(request: HttpRequest, ticket: Ticket, membership_id: UUID) -> None:
    seen = min(whole_number(request.GET["seen"]) or 0, ticket.conversation.message_count)
    of_conversation = {"tenant_id": ticket.tenant_id, "conversation_id": ticket.conversation_id}
    note_on_screen(**of_conversation, membership_id=membership_id, sequence=seen)


def _version_shown(ticket: Ticket, due: Due | None) -> str:
    """What an open page shows: it loads what changed where this is another, as when time alone made it late."""
    return f"{ticket.version} {due.text}" if due else str(ticket.version)


@of_ticket
def colleagues(_request: HttpRequest, _ticket: Ticket, actor: Actor) -> HttpResponse:
    """The names that a note can mention, but one's own; asked for once somebody begins a note."""
    others = Membership.objects.visible_to(actor).support_users().exclude(Q(id=actor.membership_id))
    return JsonResponse({"names": sorted({one.full_name for one in others} - {""})})


@of_ticket
def told(request: HttpRequest, ticket: Ticket, _actor: Actor) -> HttpResponse:
    """Who was told what of it."""
    context = {
        "title": _("Who was told what"), "ticket": ticket, "told": told_of(ticket), "page_url": ticket_url(ticket.id),
    }  # fmt: skip
    return render(request, "support/told.html", {**admin.site.each_context(request), **context})


@of_ticket
def run_action(request: HttpRequest, ticket: Ticket, actor: Actor, name: str) -> HttpResponse:
    """Ask what an action needs to know, and do it. A refused form stays filled in, with the reason.

    A button that takes something back has no form around it: what it says stands in its address.
    """
    chosen = BUTTONS.get(name)
    if chosen is None:
        return redirect(ticket_url(ticket.id))
    posted = _said_in(request) if request.method == "POST" else None
    form = chosen.form(posted, actor=actor, ticket=ticket) if chosen.form else None
    fault = ""
    if posted is not None and (form is None or form.is_valid()):
        version = whole_number(posted.get("version", ""))
        details = form.details() if form else {}
        try:
            after = chosen.run(ticket, actor=actor, version=version, **details)
        except DomainError as refusal:
            fault = refusal_text(refusal, staff_at(request))
        else:
            messages.success(request, done_text(name, ticket, after, actor, details))
        if form is None or not fault:
            if fault:
                messages.error(request, fault)
            return redirect(came_from(request, ticket_url(ticket.id)))
    if fault:
        ticket.refresh_from_db(fields=["version"])
    context = {"ticket": ticket, "name": name, "button": chosen, "form": form, "fault": fault, "title": chosen.label}
    is_dialog = request.headers.get("X-Workbench-Dialog") == "1"
    template = "support/action_form.html" if is_dialog else "support/action.html"
    return render(request, template, {**admin.site.each_context(request), **context}, status=409 if fault else 200)


def _said_in(request: HttpRequest) -> QueryDict:
    said = request.GET.copy()
    said.update(request.POST)
    return said


@of_ticket
def redact(request: HttpRequest, ticket: Ticket, actor: Actor, message_id: UUID) -> HttpResponse:
    """Ask first, for there is no way back, and quote what goes; then take the message or note away from everybody."""
    said = said_of(ticket, message_id)
    if request.method == "POST" or said is None:
        try:
            _redact(ticket, actor, message_id, is_note=said is not None and said.is_note)
            messages.success(request, _("Removed for everybody."))
        except DomainError as refusal:
            messages.error(request, str(refusal))
        return redirect(ticket_url(ticket.id))
    title = _("Redact an internal note") if said.is_note else _("Redact a message")
    context = {"ticket": ticket, "message_id": message_id, "title": title, "said": said}
    is_dialog = request.headers.get("X-Workbench-Dialog") == "1"
    template = "support/redact_form.html" if is_dialog else "support/redact.html"
    return render(request, template, {**admin.site.each_context(request), **context})


def _redact(ticket: Ticket, actor: Actor, key: UUID, *, is_note: bool) -> None:
    if is_note:
        services.redact_ticket_note(actor=actor, ticket_id=ticket.id, note_id=key)
    else:
        services.redact_ticket_message(actor=actor, ticket_id=ticket.id, message_id=key)


def _sent_before(
    request: HttpRequest, ticket: Ticket, actor: Actor, composer: Composer, before: SentBefore
) -> HttpResponse:
    """The same again is told of; other words in a form that was sent are kept, for its next sending."""
    if before.is_same:
        return before.answer(request)
    composer.faults.append(_("This page was sent already, with other words. These are not sent yet."))
    return _page(request, ticket, actor, composer, status=409)


def _refused(
    request: HttpRequest, ticket: Ticket, actor: Actor, composer: Composer, refusal: DomainError
) -> HttpResponse:
    now = ticket_seen_by(staff_at(request), ticket.id)
    return _page(request, now or ticket, actor, composer, status=STATUS_OF_KIND[refusal.kind])


def _page(request: HttpRequest, ticket: Ticket, actor: Actor, composer: Composer, status: int = 200) -> HttpResponse:
    now, zone = timezone.now(), ZoneInfo(actor.tenant.time_zone)
    due = due_of(ticket, now, zone)
    participants = list(Participant.objects.in_tenants([ticket.tenant_id]).of_conversations([ticket.conversation_id]))
    tags = Tag.objects.for_workbench(ticket)
    drafts = drafts_at(ticket)
    begun = {one.kind: one for one in drafts if one.send_at is None and one.kind in WRITTEN}
    if not composer.kind:
        composer = Composer.begun(list(begun.values()), request.GET.get("back", ""))
    seen = composer.seen
    reach = whole_number(request.GET.get("messages", "")) or SHOWN_AT_FIRST
    last_seen = seen.last_sequence if seen else None
    since = _last_look(request, participants, actor) if seen is None else last_seen
    here = address_of(request)
    thread = thread_of(
        ticket, participants=participants, tags=tags, reach=reach, seen=last_seen, since=since, actor=actor,
        here=here,
    )  # fmt: skip
    panes = panes_of(composer, begun, actor, here)
    possible = actions_open_to(ticket, actor)
    offered = [(name, found, found.label_on(ticket)) for name, found in BUTTONS.items() if name in possible]
    count = ticket.conversation.message_count
    can_write = not {"reply", "note"}.isdisjoint(possible)
    context = {
        "ticket": ticket,
        "title": str(ticket),
        "opts": Ticket._meta,
        "is_fullwidth": "1",
        "thread": thread,
        "composer": composer,
        "panes": panes,
        "waiting": [(one, seconds_left(one), back_url(one)) for one in drafts if one.send_at],
        "ways_on": [(way, way.label, way == staff_at(request).user.after_sending) for way in AfterSending],
        "file_types": ALLOWED,
        "most_files": MOST_FILES,
        "most_bytes": MOST_BYTES,
        "changes": _changes_since(seen, ticket) if seen else [],
        "page_url": ticket_url(ticket.id),
        "earlier": reach - reach % SHOWN_AT_MOST + SHOWN_AT_MOST,
        "is_earlier_part": reach > SHOWN_AT_MOST,  # who answers has the newest messages before them
        "beginning": count - count % -SHOWN_AT_MOST,
        "later": reach - SHOWN_AT_MOST,
        "since": since,
        "can_work_on": "priority" in possible,
        "can_reply": "reply" in possible or bool(panes["reply"].text or panes["reply"].has_files),  # nothing is lost
        "can_note": "note" in possible,
        "placeholders": NAMES,
        "can_redact": "redact" in possible,
        "can_work": bool(staff_at(request).working_tenant_ids),
        "buttons": offered,
        "canned_replies": canned_replies_for(ticket, actor) if can_write else [],
        "participants": [part for part in participants if part.left_at is None],
        "tags": [tag for tag in tags if tag.on_ticket],  # type: ignore[attr-defined]
        "timeline": timeline_of(ticket, tickets_seen_by(staff_at(request))),
        "punctuality": punctuality(ticket.delivery, now) if ticket.delivery else "",
        "is_late": ticket.delivery is not None and is_late(ticket.delivery, now),
        "time_zone": actor.tenant.time_zone,
        "customer_name": name_of(ticket.requester),
        "promises": promises_of(ticket.clocks, now, zone),  # type: ignore[attr-defined]
        "due": due,
        "version_shown": _version_shown(ticket, due),
        "is_snoozed": ticket.snoozed_until is not None and ticket.snoozed_until > now,
    }
    return render(request, "support/ticket.html", {**admin.site.each_context(request), **context}, status=status)


def _last_look(request: HttpRequest, participants: Sequence[Participant], actor: Actor) -> int | None:
    """What this person had read when they last looked: an open page says what it was when it was opened."""
    said = whole_number(request.GET.get("since", ""))
    own = (one.last_read_sequence for one in participants if one.membership_id == actor.membership_id)
    return next(own, None) if said is None else said


def _changes_since(seen: Seen, ticket: Ticket) -> list[str]:
    """What became different while an answer was written."""
    changes, new = [], ticket.conversation.message_count - seen.last_sequence
    if new > 0:
        changes.append(ngettext("%(count)d new message", "%(count)d new messages", new) % {"count": new})
    if ticket.assignee_id != seen.assignee_id:
        changes.append(_("the ticket is now with: %(name)s") % {"name": name_of(ticket.assignee)})
    if ticket.status != seen.status:
        changes.append(_("the ticket is open again") if ticket.is_open else _("the ticket is closed"))
    return changes


def _written(form: WritingForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("content", "attachment_ids")}


def _faults(form: Any) -> list[str]:
    """The words of what is wrong with the text; a form whose other fields were tampered with has a plain sentence."""
    return [str(fault) for fault in form.errors.get("content", [])] or [_("Please load this page again.")]
