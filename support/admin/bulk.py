"""Doing the same to several tickets: each by itself, and a result for every one."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.staff.entry import Staff, staff_at, use_zone_of
from support.admin.buttons import BUTTONS, Button
from support.admin.drafts import use_url, with_button
from support.admin.pages import refusal_text, tickets_seen_by, whole_number
from support.admin.ticket_macros import APPLY, use_of
from support.models import Draft, Ticket
from support.vocabulary import Priority

AT_MOST = 500
SUFFIX = "_selected"
# What is asked for so often that it needs no question: an action with its answer.
AT_ONCE: Mapping[str, tuple[str, Any, Mapping[str, str]]] = {
    "urgent": ("priority", gettext_lazy("Make urgent"), {"priority": Priority.URGENT.value}),
}
Action = Callable[[Any, HttpRequest, QuerySet[Ticket]], HttpResponse | None]


def bulk_actions() -> dict[str, tuple[Action, str, Any]]:
    """Django's actions of the queue, by name: one for each that makes sense for several tickets."""
    offered: dict[str, tuple[Button, Mapping[str, str]]] = {
        name: (button, {}) for name, button in {**BUTTONS, "macro": APPLY}.items() if button.action.in_bulk
    }
    offered |= {name: (replace(BUTTONS[of], label=label), said) for name, (of, label, said) in AT_ONCE.items()}
    return {
        f"{name}{SUFFIX}": (_action(name, button, said), f"{name}{SUFFIX}", button.label)
        for name, (button, said) in offered.items()
    }


def at_once_actions() -> list[tuple[str, Any]]:
    """Name and label of those that stand beside the list of actions as buttons."""
    return [(f"{name}{SUFFIX}", label) for name, (_of, label, _said) in AT_ONCE.items()]


def _action(name: str, button: Button, said: Mapping[str, str]) -> Action:
    def run(_admin: Any, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponse | None:
        return run_on_each(request, queryset, name, button, said)

    return run


def run_on_each(
    request: HttpRequest, queryset: QuerySet[Ticket], name: str, button: Button, said: Mapping[str, str]
) -> HttpResponse | None:
    """Run an action on the chosen tickets; one that asks for something asks it once, for all of them.

    `said`: what is asked for, where the action's name says it already.
    """
    staff = staff_at(request)
    tickets = list(queryset.order_by("pk")[: AT_MOST + 1])
    if len(tickets) > AT_MOST:
        text = _("Choose %(count)d tickets at the most. Nothing was done.") % {"count": AT_MOST}
        messages.error(request, text)
        return None
    _tell_missing(request, tickets, staff)
    if not tickets:
        return None
    details: dict[str, Any] = {}
    if button.form is not None:
        if len({ticket.tenant_id for ticket in tickets}) > 1:
            messages.error(request, _("Choose tickets of one tenant. Nothing was done."))
            return None
        use_zone_of(request, tickets[0].tenant_id)
        is_answer = bool(said) or "apply" in request.POST
        answer = said or request.POST if is_answer else None
        form = button.form(answer, actor=staff.actor_in(tickets[0].tenant_id))
        if not (is_answer and form.is_valid()):
            context = {
                "title": button.label,
                "form": form,
                "tickets": tickets,
                "action": f"{name}{SUFFIX}",
                "button": button,
            }
            return render(request, "support/bulk.html", {**admin.site.each_context(request), **context})
        details = {**form.details(), **(use_of(request) if button.waits else {})}
    versions = _versions_shown(request)
    results = [_result_of(button, ticket, staff, details, versions) for ticket in tickets]
    _tell_results(request, button, results, details.get("use"))
    return None


def _versions_shown(request: HttpRequest) -> dict[str, int | None]:
    """Which version of each ticket the question showed: one field for all, for Django takes a thousand fields."""
    pairs = (pair.partition(":") for pair in request.POST.get("versions", "").split())
    return {ticket_id: whole_number(version) for ticket_id, _colon, version in pairs}


def _result_of(
    button: Button, ticket: Ticket, staff: Staff, details: dict[str, Any], versions: Mapping[str, int | None]
) -> tuple[Ticket, str]:
    """ "done", "waits", "unchanged", or why not."""
    actor: Actor = staff.actor_in(ticket.tenant_id)
    try:
        after = button.run(ticket, actor=actor, version=versions.get(str(ticket.id)), **details)
    except DomainError as refusal:
        return ticket, refusal_text(refusal, staff)
    if isinstance(after, Draft):
        return ticket, "waits" if after.send_at else "done"
    return ticket, "unchanged" if after.version == ticket.version else "done"


def _tell_results(
    request: HttpRequest, button: Button, results: list[tuple[Ticket, str]], use: UUID | None = None
) -> None:
    """One sentence for each kind of result; what was not done is named. What waits is said where it is counted down.

    `use`: of a macro, which can be undone.
    """
    groups: dict[str, list[Ticket]] = defaultdict(list)
    for ticket, result in results:
        groups[result].append(ticket)
    if done := groups.pop("done", None):
        text = ngettext("%(action)s: %(count)d ticket.", "%(action)s: %(count)d tickets.", len(done))
        said = text % {"action": button.label, "count": len(done)}
        messages.success(request, with_button(said, use_url(done[0].id, use), _("Undo")) if use else said)
    groups.pop("waits", None)
    if unchanged := groups.pop("unchanged", None):
        text = ngettext(
            "%(count)d ticket was so already: %(names)s", "%(count)d tickets were so already: %(names)s", len(unchanged)
        )
        messages.info(request, text % {"count": len(unchanged), "names": _named(unchanged)})
    for reason, refused in groups.items():
        messages.warning(request, format_html("{}: {}", _named(refused), reason))


def _tell_missing(request: HttpRequest, tickets: Collection[Ticket], staff: Staff) -> None:
    """Chosen tickets that are no longer in this view, because somebody was quicker, stay as they are."""
    found = {str(ticket.id) for ticket in tickets}
    chosen = set(request.POST.getlist("_selected_action")) - found
    missing = list(tickets_seen_by(staff).with_text_ids(chosen).order_by("number")[:AT_MOST]) if chosen else []
    if missing:
        text = ngettext(
            "%(count)d ticket is no longer in this view and stays as it is: %(names)s",
            "%(count)d tickets are no longer in this view and stay as they are: %(names)s",
            len(missing),
        )
        messages.warning(request, text % {"count": len(missing), "names": _named(missing)})


def _named(tickets: Collection[Ticket]) -> str:
    return ", ".join(f"#{ticket.number}" for ticket in tickets)
