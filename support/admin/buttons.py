"""How the admin shows the actions of a ticket: the page's buttons and the queue's bulk actions."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from support.actions import ACTIONS, Action
from support.admin.forms import ActionForm, AssignForm, LinkForm, PriorityForm, SnoozeForm, TagsForm, TakeOverForm
from support.models import Ticket


@dataclass(frozen=True, slots=True)
class Button:
    """An action with what people see of it. `key`: a letter that does it.

    `quick`: the field of its form that says all there is to say most times, and stands among the buttons itself.
    `merges`: its form says only what was changed in it, so that an older one overwrites nothing.
    """

    action: Action
    label: str | Promise
    icon: str
    form: type[ActionForm] | None = None
    key: str = ""
    merges: bool = False
    quick: str = ""

    @property
    def choices(self) -> Any:
        """What the quick field offers."""
        assert self.form is not None
        return self.form.base_fields[self.quick].choices  # type: ignore[attr-defined]

    @property
    def asks(self) -> bool:
        """Whether something has to be filled in. (Templates cannot ask for `form`: they call what is callable.)"""
        return self.form is not None

    def run(self, ticket: Ticket, *, version: int | None = None, **details: Any) -> Ticket:
        """Call the service; raises what it raises."""
        shown = {"version": version} if self.action.versioned and not self.merges else {}
        changed: Ticket = self.action.service(ticket_id=ticket.id, **shown, **details)
        return changed


BUTTONS = {
    "claim": Button(ACTIONS["claim"], _("Claim"), "pan_tool", key="c"),
    "take_over": Button(ACTIONS["take_over"], _("Take over"), "swap_horiz", TakeOverForm),
    "release": Button(ACTIONS["release"], _("Release"), "undo"),
    "assign": Button(ACTIONS["assign"], _("Assign"), "person_add", AssignForm),
    "priority": Button(ACTIONS["priority"], _("Priority"), "flag", PriorityForm, quick="priority"),
    "tags": Button(ACTIONS["tags"], _("Tags"), "sell", TagsForm, merges=True),
    "snooze": Button(ACTIONS["snooze"], _("Snooze"), "schedule", SnoozeForm, quick="when"),
    "link": Button(ACTIONS["link"], _("Change link"), "link", LinkForm),
    "close": Button(ACTIONS["close"], _("Close ticket"), "check"),
    "reopen": Button(ACTIONS["reopen"], _("Reopen"), "replay"),
}
