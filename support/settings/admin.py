"""The screen of a tenant's portal settings, made of the fields of `Portal`."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, TextChoices
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ondi.common.errors import FIELD_MESSAGES
from ondi.files.services import Room, room_at
from ondi.staff.admin_base import ScopedAdmin
from ondi.staff.entry import Staff, staff_at
from ondi.staff.navigation import Entry, Section
from ondi.tenants.models import Language, PortalSettings
from support.settings.closing import DAYS, WARNING_DAYS, Touched, closing_faults, touched_by
from support.settings.kinds import Address, Choice, Line, Link, Links, Number, Switch, Texts
from support.settings.portal import SETTINGS, Portal, Setting
from support.settings.preview import preview_of
from support.settings.proving import prove, sender_standing
from support.settings.services import update_portal_settings


def _parts(name: str, one: Setting) -> dict[str, TextChoices]:
    """The form's fields of a setting that has a text in each language, or a link by name; of others none."""
    parts: Iterable[TextChoices] = ()
    match one.kind:
        case Texts():
            parts = Language
        case Links(names):
            parts = names
    return {f"{name.removesuffix('_html')}_{part}": part for part in parts}


def _line(kind: Line, said: dict[str, Any]) -> forms.CharField:
    ways = {"dir": "ltr"} if isinstance(kind, Link) else {}
    return forms.CharField(
        required=False,
        validators=[kind.cleaned],  # type: ignore[list-item]  # what it returns is not asked for
        widget=UnfoldAdminTextInputWidget(attrs=ways),
        **said,
    )


def _form_fields(name: str, one: Setting) -> Mapping[str, forms.Field]:
    said: dict[str, Any] = {"label": capfirst(one.label), "help_text": one.help}  # type: ignore[type-var]
    match one.kind:
        case Switch():
            return {name: forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget(), **said)}
        case Number(least, most):
            widget = UnfoldAdminIntegerFieldWidget()
            return {name: forms.IntegerField(min_value=least, max_value=most, widget=widget, **said)}
        case Choice(choices):
            return {name: forms.ChoiceField(choices=choices.choices, widget=UnfoldAdminSelectWidget(), **said)}
        case Texts() as texts:
            return {
                field: forms.CharField(
                    required=False,
                    validators=[texts.cleaned],  # type: ignore[list-item]  # what it returns is not asked for
                    widget=UnfoldAdminTextareaWidget(
                        attrs={"rows": 4, "dir": "ltr" if language == Language.ENGLISH else "rtl"}
                    ),
                    **{**said, "label": format_lazy("{} ({})", said["label"], language.label)},
                )
                for field, language in _parts(name, one).items()
            }
        case Address():
            return {name: forms.EmailField(required=False, widget=UnfoldAdminEmailInputWidget(), **said)}
        case Line() as line:
            return {name: _line(line, said)}
        case Links() as links:
            return {
                field: _line(links.link, {**said, "label": format_lazy("{} ({})", said["label"], part.label)})
                for field, part in _parts(name, one).items()
            }


FORM_FIELDS = {name: _form_fields(name, one) for name, one in SETTINGS.items()}


def _shown(row: PortalSettings) -> dict[str, Any]:
    """What stands in each field of the form."""
    portal = Portal.read(row.values)
    shown: dict[str, Any] = {}
    for name, one in SETTINGS.items():
        value = getattr(portal, name)
        if parts := _parts(name, one):
            shown |= {field: value.get(part, "") for field, part in parts.items()}
        else:
            shown[name] = value
    return shown


def _column(field: str, one: Setting, label: Any) -> Callable[[Any, PortalSettings], Any]:
    """The field on the list, and for who only looks."""

    @admin.display(description=label, boolean=isinstance(one.kind, Switch))
    def column(_screen: Any, row: PortalSettings) -> Any:
        value = _shown(row)[field]
        return one.kind.choices(value).label if isinstance(one.kind, Choice) else value

    return column


class PortalSettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The fields of every setting, with what counts now; and a tick, asked for where open tickets are touched."""

    has_seen_touched = forms.BooleanField(
        required=False, widget=forms.HiddenInput(), label=_("I have seen which open tickets this touches")
    )

    class Meta:
        model = PortalSettings
        fields = ()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial.update(_shown(self.instance))

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self._check_closing(said)
        return said

    def _check_closing(self, said: Mapping[str, Any]) -> None:
        before = Portal.read(self.instance.values)
        after = dataclasses.replace(before, **{name: said[name] for name in (DAYS, WARNING_DAYS)})
        for name, codes in closing_faults(before, after).items():
            self.add_error(name, [str(FIELD_MESSAGES[code]) for code in codes])
        touched = touched_by(self.instance.tenant_id, before, after)
        if touched.count:
            self.fields["has_seen_touched"].widget = UnfoldBooleanSwitchWidget()
            if not said["has_seen_touched"]:
                self.add_error("has_seen_touched", _touches(touched))


def _touches(touched: Touched) -> str:
    more = "" if touched.count == len(touched.first) else ", …"
    numbers = ", ".join(f"#{number}" for number in touched.first) + more
    return gettext(
        "Open tickets that have been silent for so long today: %(count)s (%(numbers)s). None is closed at once: the "
        "days count from now."
    ) % {"count": touched.count, "numbers": numbers}


for _fields in FORM_FIELDS.values():
    PortalSettingsForm.declared_fields.update(_fields)


@admin.register(PortalSettings)
class PortalSettingsAdmin(ScopedAdmin):
    about = _("What customers may do in the portal, and what they read there and in mails.")
    entries = (Entry(Section.PEOPLE, 30, "tune"),)
    is_one_per_tenant = True
    form = PortalSettingsForm
    list_display = ("tenant", *(name for name, one in SETTINGS.items() if isinstance(one.kind, Switch | Choice)))
    list_select_related = ("tenant",)
    fields = ("tenant", *(field for fields in FORM_FIELDS.values() for field in fields), "room_for_files")

    change_form_outer_before_template = "support/settings_preview.html"
    change_form_outer_after_template = "staff/beside_form.html"

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.prove_view)
        own = path("<uuid:tenant_id>/sender-address/", page, name="tenants_portalsettings_sender_address")
        return [own, *super().get_urls()]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.preview = SimpleLazyObject(lambda: preview_of(row))
            row.sender_standing = sender_standing(row, staff_at(request).actor_in(row.tenant_id))
        return row

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """How far the sender address is stands below it, where there is one; so does the tick, for who may set it."""
        fields = list(super().get_fields(request, obj))
        if self.has_change_permission(request, obj):
            fields.insert(fields.index(WARNING_DAYS) + 1, "has_seen_touched")
        if obj is not None and obj.sender_standing:
            fields.insert(fields.index("sender_address") + 1, "sender_standing")
        return fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "sender_standing", "room_for_files")

    @admin.display(description=_("this address"))
    def sender_standing(self, row: PortalSettings) -> str:
        return row.sender_standing  # type: ignore[attr-defined,no-any-return]

    @admin.display(description=_("files"))
    def room_for_files(self, row: PortalSettings) -> Room:
        return room_at(row, row.tenant_id)

    def prove_view(self, request: HttpRequest, tenant_id: UUID) -> HttpResponse:
        row = self.get_object(request, str(tenant_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(tenant_id))
        return prove(request, row, staff_at(request).actor_in(tenant_id), note=partial(self.log_change, request, row))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Through the service, which records who changed what."""
        assert isinstance(obj, PortalSettings)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        changes: dict[str, Any] = {}
        for name, one in SETTINGS.items():
            if parts := _parts(name, one):
                if texts := {parts[field].value: changed[field] for field in parts if field in changed}:
                    changes[name] = texts
            elif name in changed:
                changes[name] = changed[name]
        actor, confirmed = staff_at(request).actor_in(obj.tenant_id), form.cleaned_data["has_seen_touched"]
        update_portal_settings(actor=actor, changes=changes, confirmed=confirmed)


for _name, _fields in FORM_FIELDS.items():
    for _field, _form_field in _fields.items():
        setattr(PortalSettingsAdmin, _field, _column(_field, SETTINGS[_name], _form_field.label))
