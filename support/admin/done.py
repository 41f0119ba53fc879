"""What was done, in words people use, with the button that takes it back."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.common.times import in_words
from support.actions import actions_open_to
from support.admin.forms import key_of
from support.models import Tag, Ticket

Details = Mapping[str, Any]
# On the page of a ticket and on the queue: what a button sends that has no form around it.
FORM = "wb-claim"
# Of what needs to know nothing; who has a ticket that was nobody's gives it back, however they came by it.
OPPOSITES = {
    "claim": "release", "take_over": "release", "assign": "release", "release": "claim", "close": "reopen",
    "reopen": "close",
}  # fmt: skip


def done_text(name: str, before: Ticket, after: Ticket, actor: Actor, details: Details) -> SafeString | str:
    """What became of a ticket by this action, and where there is an opposite that this person may do, its button.

    `details`: what the action was asked with.
    """
    if after.version == before.version:
        return _("Nothing changed: it was so already.")
    said = _said(name, after, actor, details)
    opposite, fields = _opposite_of(name, before, actor, details)
    if opposite not in actions_open_to(after, actor):
        return said
    query = urlencode({"version": after.version, **fields}, doseq=True)
    address = f"{reverse('admin:support_ticket_action', args=[after.id, opposite])}?{query}"
    return format_html(
        '<span dir="auto">{}</span> <button type="submit" form="{}" formaction="{}" class="wb-undo">{}</button>',
        said, FORM, address, _("Undo"),
    )  # fmt: skip


def _said(name: str, ticket: Ticket, actor: Actor, details: Details) -> str:
    numbered = {"number": ticket.number}
    if name in ("claim", "take_over", "assign"):
        if ticket.assignee_id == actor.membership_id:
            return _("#%(number)d is yours.") % numbered
        return _("#%(number)d is now with %(name)s.") % {**numbered, "name": ticket.assignee}
    if name == "tags":
        return _said_of_tags(details["add"], details["remove"])
    if name == "snooze":
        until = ticket.snoozed_until
        back = _("#%(number)d is back in the queue.") % numbered
        return _("Snoozed until %(time)s.") % {"time": in_words(until)} if until else back
    return {
        "release": _("#%(number)d is back in the queue."),
        "close": _("#%(number)d is closed."),
        "reopen": _("#%(number)d is open again."),
        "priority": _("Priority is %(priority)s."),
        "link": _("What #%(number)d is about is changed."),
    }[name] % {**numbered, "priority": ticket.get_priority_display().lower()}


def _said_of_tags(added: Collection[UUID], removed: Collection[UUID]) -> str:
    names = dict(Tag.objects.filter(id__in=[*added, *removed]).values_list("id", "name"))
    on, off = (", ".join(sorted(names.get(tag, "") for tag in tags)) for tags in (added, removed))
    said = [_("Tagged: %(names)s.") % {"names": on}] if on else []
    return " ".join([*said, _("No longer tagged: %(names)s.") % {"names": off}] if off else said)


def _opposite_of(name: str, before: Ticket, actor: Actor, details: Details) -> tuple[str, dict[str, Any]]:
    """The action that restores what was before, and what its form says then."""
    if name == "assign" and before.assignee_id == actor.membership_id:
        return "take_over", {"reason": _("Handed on by mistake.")}
    if name in ("assign", "take_over") and before.assignee_id:
        return "assign", {"assignee": before.assignee_id, "reason": _("Handed on by mistake.")}
    if name == "tags":
        return "tags", {"tags": list(details["remove"]), "shown": " ".join(map(str, details["add"]))}
    if name == "snooze":
        return "snooze", _snoozed_as(before)
    if name == "priority":
        return "priority", {"priority": before.priority}
    if name == "link":
        return "link", {"item": key_of(delivery_id=before.delivery_id, order_id=before.order_id)}
    return OPPOSITES[name], {}


def _snoozed_as(before: Ticket) -> dict[str, str]:
    until = before.snoozed_until
    if until is None or until <= timezone.now():
        return {"when": "now"}
    return {"when": "at", "until": timezone.localtime(until).strftime("%Y-%m-%dT%H:%M:%S")}
