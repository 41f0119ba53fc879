"""The screen of macros: a row for each action that a macro can do."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from ondi.accounts.models import Membership
from ondi.common.errors import FIELD_MESSAGES, InvalidInput
from ondi.staff.forms import PlainTextField
from ondi.staff.navigation import Entry, Section
from support.actions import Action, Kind, Parameter
from support.admin.forms import SnoozeForm
from support.admin.macro_words import action_label, actions_of
from support.admin.texts import PLACEHOLDERS_HELP, OwnedAdmin, OwnedForm
from support.errors import MacroStepRefused
from support.macros import IN_MACROS, Step, checked_steps, parameters_of
from support.models import Macro, Tag
from support.vocabulary import LONGEST_MESSAGE, Priority

NOT_DONE = ("", _("as it is"))
NOW = "now"  # of the moments: there is to be none
# Where a parameter needs another word than its action.
LABELS: Mapping[tuple[str, str], str | Promise] = {
    ("assign", "assignee_id"): _("Assign to"),
    ("assign", "reason"): _("Reason, where it is a colleague's ticket"),
    ("tags", "add"): _("Put on tags"),
    ("tags", "remove"): _("Take off tags"),
    ("reply", "content"): _("Reply to the customer"),
}


def _field(kind: Kind, label: Any, most: int) -> forms.Field:
    """Empty: the macro does not do it."""
    if kind is Kind.TEXT:
        is_long = most == LONGEST_MESSAGE
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4 if is_long else 2, "dir": "auto"})
        help_text = PLACEHOLDERS_HELP if is_long else ""
        return PlainTextField(label=label, max_length=most, required=False, widget=widget, help_text=help_text)
    if kind is Kind.TAGS:
        return forms.MultipleChoiceField(
            label=label, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
        )  # fmt: skip
    moments = [one for one in SnoozeForm.WHEN if one[0] != "at"]
    choices = {Kind.PRIORITY: Priority.choices, Kind.MOMENT: moments}.get(kind, [])
    return forms.ChoiceField(
        label=label, choices=[NOT_DONE, *choices], required=False, widget=UnfoldAdminSelectWidget
    )  # fmt: skip


def _fields_of(name: str, action: Action) -> Iterator[tuple[str, forms.Field]]:
    parameters = parameters_of(action)
    if not parameters:
        label: Any = action_label(name)
        yield name, forms.BooleanField(label=label, required=False, widget=UnfoldBooleanSwitchWidget)
    for key, one in parameters.items():
        yield f"{name}_{key}", _field(one.kind, LABELS.get((name, key), action_label(name)), one.most)


STEP_FIELDS = {field: made for name, action in IN_MACROS.items() for field, made in _fields_of(name, action)}


class _MacroForm(OwnedForm):
    class Meta:
        model = Macro
        fields = ("tenant", "name", "folder", "key")
        help_texts = {
            "folder": _("Macros of one folder stand together, and are found by its name."),
            "key": _("A digit, 1 to 9: pressed on a ticket, it opens this macro."),
        }

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not STEP_FIELDS.keys() <= self.fields.keys():  # where one may only look
            return
        tenants = [self.instance.tenant_id] if self.instance.tenant_id else self.staff.working_tenant_ids
        people = Membership.objects.in_tenants(tenants).support_users().order_by("first_name", "last_name", "id")
        known = {
            Kind.PERSON: [(str(one.id), str(one)) for one in people],
            Kind.TAGS: [(str(one.id), one.name) for one in Tag.objects.in_tenants(tenants).order_by("name", "id")],
        }
        self.initial.update(self._said())
        for field, one in self._parameters():
            if one.kind in known:
                self._offer(field, one.kind, known[one.kind])

    def _offer(self, field: str, kind: Kind, known: list[tuple[str, str]]) -> None:
        """What is kept and is there no more stands there as such: saved, it is refused with the reason."""
        kept = self.initial.get(field) or []
        gone = set([kept] if isinstance(kept, str) else kept) - {key for key, _name in known}
        first = [] if kind is Kind.TAGS else [NOT_DONE]
        named = _("deleted tag") if kind is Kind.TAGS else _("no support user any more")
        offered: Any = self.fields[field]
        offered.choices = [*first, *known, *((key, named) for key in sorted(gone))]

    @staticmethod
    def _parameters() -> Iterator[tuple[str, Parameter]]:
        for name, action in IN_MACROS.items():
            yield from ((f"{name}_{key}", one) for key, one in parameters_of(action).items())

    def _said(self) -> dict[str, Any]:
        """What is kept, as the fields show it."""
        said: dict[str, Any] = {}
        for step in self.instance.steps:
            values = {key: NOW if value is None else value for key, value in step["values"].items()}
            said |= {f"{step['action']}_{key}": value for key, value in values.items()} or {step["action"]: True}
        return said

    def steps(self) -> Iterator[Step]:
        """What was filled in."""
        for name, action in IN_MACROS.items():
            parameters = parameters_of(action)
            filled_in = {key: self.cleaned_data.get(f"{name}_{key}") for key in parameters}
            values = {key: None if value == NOW else value for key, value in filled_in.items() if value}
            if values or (not parameters and self.cleaned_data.get(name)):
                yield {"action": name, "values": values}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors or (not self.instance.tenant_id and not cleaned.get("tenant")):
            return cleaned
        actor = self.staff.actor_in(cleaned["tenant"].id if cleaned.get("tenant") else self.instance.tenant_id)
        try:
            self.instance.steps = checked_steps(actor=actor, steps=list(self.steps()))
        except MacroStepRefused as refusal:
            self._refuse(refusal)
        except InvalidInput:
            self.add_error(None, _("Choose at least one thing that it does."))
        return cleaned

    def _refuse(self, refusal: MacroStepRefused) -> None:
        why, action = refusal.refusal, IN_MACROS[refusal.action]
        if isinstance(why, InvalidInput):
            for key, codes in why.fields.items():
                self.add_error(f"{refusal.action}_{key}", str(FIELD_MESSAGES[codes[0]]))
        else:
            first = next(iter(parameters_of(action)), "")
            self.add_error(f"{refusal.action}_{first}" if first else refusal.action, str(why))


MacroForm = type("MacroForm", (_MacroForm,), dict(STEP_FIELDS))


@admin.register(Macro)
class MacroAdmin(OwnedAdmin):
    about = _("Several things that are done to a ticket at once, by one key.")
    entries = (Entry(Section.SUPPORT, 35, "bolt"),)
    form = MacroForm
    list_display = ("name", "folder", "key", "does", "is_own", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("name__folded", "folder__folded")
    search_help_text = _("Name, folder")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        named = ("tenant", "name", "folder", "key")
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": (*named, "does")}),)
        return (
            (None, {"fields": (*named, "is_private")}),
            (_("What it does, from top to bottom"), {"fields": tuple(STEP_FIELDS)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "does")

    @admin.display(description=_("what it does"))
    def does(self, macro: Macro) -> str:
        return actions_of(macro)
