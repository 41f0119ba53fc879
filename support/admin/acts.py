"""How the admin shows the actions of a ticket: the page's buttons and the queue's bulk actions."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from support.actions import ACTIONS, Action
from support.admin.forms import ActForm, AssignForm, LaterForm, LinkForm, PriorityForm, TagsForm, TakeOverForm
from support.models import Ticket


@dataclass(frozen=True, slots=True)
class Act:
    """An action with what people see of it. `key`: a letter that does it.

    `merges`: its form says only what was changed in it, so that an older one overwrites nothing.
    """

    action: Action
    label: str | Promise
    icon: str
    form: type[ActForm] | None = None
    key: str = ""
    merges: bool = False

    @property
    def asks(self) -> bool:
        """Whether something has to be filled in. (Templates cannot ask for `form`: they call what is callable.)"""
        return self.form is not None

    def run(self, ticket: Ticket, *, version: int | None = None, **details: Any) -> Ticket:
        """Call the service; raises what it raises."""
        shown = {"version": version} if self.action.versioned and not self.merges else {}
        changed: Ticket = self.action.service(ticket_id=ticket.id, **shown, **details)
        return changed


ACTS = {
    "claim": Act(ACTIONS["claim"], _("Claim"), "pan_tool", key="c"),
    "take_over": Act(ACTIONS["take_over"], _("Take over"), "swap_horiz", TakeOverForm),
    "release": Act(ACTIONS["release"], _("Release"), "undo"),
    "assign": Act(ACTIONS["assign"], _("Assign"), "person_add", AssignForm),
    "priority": Act(ACTIONS["priority"], _("Priority"), "flag", PriorityForm),
    "tags": Act(ACTIONS["tags"], _("Tags"), "sell", TagsForm, merges=True),
    "later": Act(ACTIONS["later"], _("Later"), "schedule", LaterForm),
    "link": Act(ACTIONS["link"], _("Change link"), "link", LinkForm),
    "close": Act(ACTIONS["close"], _("Close ticket"), "check"),
    "reopen": Act(ACTIONS["reopen"], _("Reopen"), "replay"),
}
