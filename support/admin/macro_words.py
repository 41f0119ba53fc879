"""What macros do, in words, for lists and before they are used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.times import in_words
from support.actions import Kind, Parameter
from support.admin.buttons import BUTTONS
from support.admin.forms import SnoozeForm
from support.macros import IN_MACROS, Step, parameters_of, step_refusal
from support.models import Macro, Tag, Ticket
from support.moments import moment_after
from support.placeholders import filled
from support.vocabulary import Priority

WRITING = {"reply": gettext_lazy("Reply"), "note": gettext_lazy("Internal note")}
SIGNS = {"add": "+", "remove": "−"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A step in words. `fault`: why it cannot be done as it is kept; `is_text`: its detail is what people wrote."""

    label: str | Promise
    detail: str = ""
    fault: str = ""
    is_text: bool = False


def action_label(name: str) -> str | Promise:
    """Its name, where a later release knows it no more."""
    return WRITING.get(name) or (BUTTONS[name].label if name in BUTTONS else name)


def actions_of(macro: Macro) -> str:
    """What it does, without the values: good for lists, for it asks nothing."""
    return " · ".join(str(action_label(step["action"])) for step in macro.steps)


class Names:
    """The people and tags that macros name, asked for once for however many."""

    def __init__(self, actor: Actor, macros: Iterable[Macro]) -> None:
        steps = [step for macro in macros for step in macro.steps]
        kinds = {one.kind for step in steps for one in _parameters(step).values()}
        people = Membership.objects.visible_to(actor).support_users() if Kind.PERSON in kinds else ()
        tags = Tag.objects.visible_to(actor) if Kind.TAGS in kinds else ()
        self.zone = ZoneInfo(actor.tenant.time_zone)
        self.known: Mapping[UUID | str, str] = {str(one.id): str(one) for found in (people, tags) for one in found}

    def detail_of(self, step: Step, ticket: Ticket | None = None) -> str:
        said = {name: step["values"][name] for name in _parameters(step) if name in step["values"]}
        parameters = _parameters(step)
        return ", ".join(self._words(parameters[name].kind, name, value, ticket) for name, value in said.items())

    def _words(self, kind: Kind, name: str, value: object, ticket: Ticket | None) -> str:
        if kind is Kind.TEXT:
            return filled(str(value), ticket) if ticket else str(value)
        if kind is Kind.PRIORITY:
            return str(Priority(value).label) if value in Priority.values else str(value)
        if kind is Kind.MOMENT:
            return self._moment(str(value or "now"), ticket)
        if kind is Kind.TAGS and isinstance(value, Sequence):
            return ", ".join(f"{SIGNS[name]} {self.known.get(str(one), _('deleted tag'))}" for one in value)
        return self.known.get(str(value), _("no support user any more"))

    def _moment(self, name: str, ticket: Ticket | None) -> str:
        words = str(dict(SnoozeForm.WHEN).get(name, name))
        if ticket is None or name == "now":
            return words
        return f"{words} ({in_words(moment_after(name, timezone.now().astimezone(self.zone)), zone=self.zone)})"


def _parameters(step: Step) -> Mapping[str, Parameter]:
    action = IN_MACROS.get(step["action"])
    return parameters_of(action) if action else {}


def planned(macro: Macro, actor: Actor, ticket: Ticket) -> Iterator[Planned]:
    """What it will do to this ticket, step by step."""
    names = Names(actor, [macro])
    for step in macro.steps:
        refusal = step_refusal(step, actor, ticket)
        yield Planned(
            action_label(step["action"]), names.detail_of(step, ticket), str(refusal or ""), step["action"] in WRITING
        )


def in_short(macro: Macro, names: Names, most: int = 60) -> str:
    """What it does, on one line."""
    parts = ((action_label(step["action"]), Truncator(names.detail_of(step)).chars(most)) for step in macro.steps)
    return " · ".join(f"{label}: {detail}" if detail else str(label) for label, detail in parts)
