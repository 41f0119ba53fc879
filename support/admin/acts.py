"""What can be done to a ticket in the admin, one row an act: the page's buttons and the queue's bulk actions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from support import services
from support.admin.forms import ActForm, AssignForm, LaterForm, LinkForm, PriorityForm, TagsForm, TakeOverForm
from support.models import Ticket


@dataclass(frozen=True, slots=True)
class Act:
    """`versioned`: the service refuses when the ticket is no longer what the screen showed."""

    label: str | Promise
    icon: str
    service: Callable[..., Ticket]
    form: type[ActForm] | None = None
    versioned: bool = False
    in_bulk: bool = True
    key: str = ""

    @property
    def asks(self) -> bool:
        """Whether something has to be filled in. (Templates cannot ask for `form`: they call what is callable.)"""
        return self.form is not None

    def run(self, ticket: Ticket, *, version: int | None = None, **details: Any) -> Ticket:
        """Call the service; raises what it raises."""
        shown = {"version": version} if self.versioned else {}
        return self.service(ticket_id=ticket.id, **shown, **details)


# The names are those of `policies.actions_open_to`.
ACTS = {
    "claim": Act(_("Claim"), "pan_tool", services.claim_ticket, key="c"),
    "take_over": Act(_("Take over"), "swap_horiz", services.take_over_ticket, TakeOverForm, in_bulk=False),
    "release": Act(_("Release"), "undo", services.release_ticket),
    "assign": Act(_("Assign"), "person_add", services.assign_ticket, AssignForm, versioned=True),
    "priority": Act(_("Priority"), "flag", services.change_priority, PriorityForm, versioned=True),
    "tags": Act(_("Tags"), "sell", services.change_tags, TagsForm),
    "later": Act(_("Later"), "schedule", services.put_off_ticket, LaterForm, versioned=True),
    "link": Act(_("Change link"), "link", services.change_link, LinkForm, versioned=True, in_bulk=False),
    "close": Act(_("Close ticket"), "check", services.close_ticket, versioned=True),
    "reopen": Act(_("Reopen"), "replay", services.reopen_ticket),
}
