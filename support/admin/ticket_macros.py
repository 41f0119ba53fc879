"""Macros where they are used: the list on a ticket, what one will do to it, and one for several tickets at once."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ondi.accounts.actors import Actor
from ondi.api.responses import STATUS_OF_KIND
from ondi.common.errors import DomainError
from ondi.common.ids import new_id, parse_id
from ondi.staff.entry import staff_at
from ondi.staff.once import FORM_ID, SentBefore, sent_once
from support.actions import Action, Kind, Parameter
from support.admin.buttons import Button
from support.admin.drafts import back_url, wait_of, with_button
from support.admin.forms import ActionForm
from support.admin.macro_words import Names, actions_of, in_short, planned
from support.admin.pages import of_ticket, queue_url, refusal_text, ticket_url, whole_number
from support.errors import MacroNotFound
from support.macros import macro_of, take_back_macros, use_macro
from support.models import Macro, Ticket


@of_ticket
def macros(request: HttpRequest, ticket: Ticket, actor: Actor) -> HttpResponse:
    """Those that this person can use, to choose from; `key`: what the one that has this digit will do."""
    usable = Macro.objects.usable_by(actor)
    key = whole_number(request.GET.get("key", ""))
    chosen = usable.with_key(key) if key else None
    if chosen is not None:
        return _preview(request, ticket, actor, chosen)
    listed = [(one, actions_of(one)) for one in usable.in_folders()]
    title = _("No macro has this key.") if key else _("Macros")
    return _shown(request, "support/macros_list.html", {"ticket": ticket, "macros": listed, "title": title})


@of_ticket
def macro(request: HttpRequest, ticket: Ticket, actor: Actor, macro_id: UUID) -> HttpResponse:
    """Say what it will do to this ticket, and do it. What is refused is shown with the reason; nothing is done then."""
    try:
        found = macro_of(actor, macro_id)
    except MacroNotFound as refusal:
        messages.error(request, str(refusal))
        return redirect(ticket_url(ticket.id))
    if request.method != "POST":
        return _preview(request, ticket, actor, found)
    version = whole_number(request.POST.get("version", ""))
    try:
        with sent_once(request, tenant_id=ticket.tenant_id, said={}) as sending:
            use = use_of(request)
            used = use_macro(actor=actor, ticket_id=ticket.id, macro_id=macro_id, version=version, **use)
            sending.location = ticket_url(ticket.id)
    except SentBefore as before:
        return before.answer(request)
    except DomainError as refusal:
        ticket.refresh_from_db(fields=["version"])
        fault = refusal_text(refusal, staff_at(request))
        return _preview(request, ticket, actor, found, fault, STATUS_OF_KIND[refusal.kind])
    if not used.send_at:
        said = format_html(_("“{name}” is done."), name=found.name)
        messages.success(request, with_button(said, back_url(used), _("Undo")))
    return redirect(ticket_url(ticket.id))


def use_of(request: HttpRequest) -> dict[str, Any]:
    """What a use of a macro is known by, and how long it can be taken back before it is done."""
    return {"use": parse_id(request.POST.get(FORM_ID)) or new_id(), "wait": wait_of(request)}


@of_ticket
def macro_back(request: HttpRequest, ticket: Ticket, actor: Actor, use: UUID) -> HttpResponse:
    """Take back a use of a macro: before it is done, or afterwards; on all its tickets."""
    if request.method != "POST":
        return redirect(ticket_url(ticket.id))
    taken = take_back_macros(actor=actor, use=use)
    if taken.waited:
        messages.success(request, _("Taken back: nothing was done."))
    if taken.undone:
        text = ngettext("Undone on %(count)d ticket.", "Undone on %(count)d tickets.", taken.undone)
        out = _("What it wrote is out.") if taken.wrote else ""
        messages.success(request, f"{text % {'count': taken.undone}} {out}")
    if not taken.found:
        messages.info(request, _("There is nothing to take back any more."))
    for number, refusal in taken.left:
        messages.warning(request, f"#{number}: {refusal_text(refusal, staff_at(request))}")
    return redirect(queue_url() if taken.found > 1 else ticket_url(ticket.id))


def _preview(
    request: HttpRequest, ticket: Ticket, actor: Actor, found: Macro, fault: str = "", status: int = 200
) -> HttpResponse:
    said = {"ticket": ticket, "macro": found, "steps": list(planned(found, actor, ticket)), "fault": fault}
    return _shown(request, "support/macro_form.html", {**said, "title": found.name}, status)


def _shown(request: HttpRequest, part: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    is_dialog = request.headers.get("X-Workbench-Dialog") == "1"
    whole = {**admin.site.each_context(request), **context, "part": part}
    return render(request, part if is_dialog else "support/part.html", whole, status=status)


class MacroChoice(ActionForm):
    """Which macro, for several tickets; each says what it does."""

    macro = forms.ChoiceField(label=gettext_lazy("Macro"), widget=forms.RadioSelect)

    def prepare(self) -> None:
        usable = list(Macro.objects.usable_by(self.actor).in_folders())
        names = Names(self.actor, usable)
        self.choice("macro").choices = [(str(one.id), f"{one.name} — {in_short(one, names)}") for one in usable]

    def details(self) -> dict[str, Any]:
        return {"macro_id": UUID(self.cleaned_data["macro"])}


APPLY = Button(
    Action(use_macro, lambda _ticket, _actor: True, parameters={"macro_id": Parameter(Kind.ID)}, versioned=True),
    gettext_lazy("Apply a macro"),
    "bolt",
    MacroChoice,
    waits=True,
)
