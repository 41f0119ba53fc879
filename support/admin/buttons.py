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

    `says`: the label on the page of one ticket, with its `number` and whose it is. `rare`: it stands in the menu.
    `quick`: the field of its form that says all there is to say most times, and stands among the buttons itself.
    `finds`: what it asks is found by typing, and stands there under this name.
    `waits`: its service can do it a while later, as long as it can be taken back.
    `merges`: its form says only what was changed in it, so that an older one overwrites nothing.
    """

    action: Action
    label: str | Promise
    icon: str
    form: type[ActionForm] | None = None
    key: str = ""
    merges: bool = False
    quick: str = ""
    finds: str | Promise = ""
    says: str | Promise = ""
    rare: bool = False
    waits: bool = False

    def label_on(self, ticket: Ticket) -> str:
        """What the button on this ticket's page says."""
        return str(self.says or self.label) % {"number": ticket.number, "name": ticket.assignee or ""}

    @property
    def choices(self) -> Any:
        """What the quick field offers."""
        assert self.form is not None
        return self.form.base_fields[self.quick].choices  # type: ignore[attr-defined]

    @property
    def asks(self) -> bool:
        """Whether something has to be filled in. (Templates cannot ask for `form`: they call what is callable.)"""
        return self.form is not None

    def run(self, ticket: Ticket, *, version: int | None = None, **details: Any) -> Any:
        """Call the service; returns what it returns, the ticket, or the use of a macro; raises what it raises."""
        shown = {"version": version} if self.action.versioned and not self.merges else {}
        return self.action.service(ticket_id=ticket.id, **shown, **details)


BUTTONS = {
    "claim": Button(ACTIONS["claim"], _("Claim"), "pan_tool", key="c"),
    "close": Button(ACTIONS["close"], _("Close ticket"), "check", says=_("Close #%(number)d")),
    "reopen": Button(ACTIONS["reopen"], _("Reopen"), "replay", says=_("Reopen #%(number)d")),
    "assign": Button(ACTIONS["assign"], _("Assign"), "person_add", AssignForm, key="a", finds=_("Assignee")),
    "priority": Button(ACTIONS["priority"], _("Priority"), "flag", PriorityForm, quick="priority"),
    "snooze": Button(ACTIONS["snooze"], _("Snooze"), "schedule", SnoozeForm, quick="when"),
    "tags": Button(ACTIONS["tags"], _("Tags"), "sell", TagsForm, merges=True, key="t", finds=_("Add a tag")),
    "take_over": Button(
        ACTIONS["take_over"], _("Take over"), "swap_horiz", TakeOverForm, says=_("Take over from %(name)s"), rare=True
    ),
    "release": Button(
        ACTIONS["release"], _("Release"), "undo", says=_("Give #%(number)d back to the queue"), rare=True
    ),
    "link": Button(ACTIONS["link"], _("Change link"), "link", LinkForm, says=_("Change what it is about"), rare=True),
}
