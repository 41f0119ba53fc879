"""What customers are told, in the tenant's own words: an overview, and a page a type and channel with its preview."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ondi.accounts.actors import Actor
from ondi.common.errors import FIELD_MESSAGES, DomainError, NotFound
from ondi.common.ids import parse_id
from ondi.common.text import TextRefused
from ondi.notifications.letters import RIGHT_TO_LEFT
from ondi.notifications.models import NotificationText
from ondi.notifications.texts import BUILT_IN, Text, built_in, checked_message, checked_title, is_editable
from ondi.notifications.types import TYPES, Channel, NotificationType
from ondi.staff.access import AccessAdmin
from ondi.staff.entry import staff_at
from ondi.staff.navigation import Entry, Section
from ondi.tenants.models import Language, Tenant
from support.mails import mails_saying
from support.notices import sample_facts
from support.settings.texts import own_texts, set_notification_texts

CHANNELS = {
    Channel.IN_APP: gettext_lazy("In the app"),
    Channel.EMAIL: gettext_lazy("E-mail"),
    Channel.PUSH: gettext_lazy("Push"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What is said in one language, filled in. `mail`: all of the mail, as HTML."""

    language: Language
    text: Text
    is_own: bool
    mail: str = ""

    @property
    def direction(self) -> str:
        return _direction(self.language)


def _direction(language: Language) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def _said(tenant: Tenant, kind: NotificationType, channel: Channel, own: Mapping[str, Text]) -> list[Said]:
    """In each language what counts: the own text, else the built-in one."""
    found = []
    for language in Language:
        with override(language):
            mine = own.get(language, BUILT_IN)
            text = mine.over(built_in(kind, channel)).filled(sample_facts(tenant))
        found.append(Said(language, text, is_own=mine != BUILT_IN))
    return found


def _with_mails(tenant: Tenant, said: list[Said]) -> list[Said]:
    mails = mails_saying(tenant, {one.language: one.text for one in said})
    return [replace(one, mail=mails[one.language]) for one in said]


class PartField(forms.CharField):
    """A title or message; empty, the built-in one counts."""

    def __init__(self, *, listed: Any, is_title: bool, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)
        self.listed, self.check_part = listed, checked_title if is_title else checked_message

    def clean(self, value: Any) -> str:
        """Raises `ValidationError` with the sentence of what does not fit."""
        try:
            return self.check_part(self.to_python(value) or "", self.listed)
        except TextRefused as refusal:
            raise forms.ValidationError(str(FIELD_MESSAGES[refusal.code]), code=refusal.code) from refusal
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal), code=refusal.code) from refusal


class TextsForm(forms.Form):
    """Title and message in each language; what the built-in ones say stands where nothing is typed."""

    def __init__(
        self, data: Any, *, kind: NotificationType, channel: Channel, own: Mapping[str, Text], **options: Any
    ) -> None:
        super().__init__(data, **options)
        for language in Language:
            with override(language):
                other = built_in(kind, channel)
            mine = own.get(language, BUILT_IN)
            for part, label in (("title", gettext_lazy("Title")), ("message", gettext_lazy("Message"))):
                shown = {"dir": _direction(language), "lang": language.value, "placeholder": getattr(other, part)}
                is_title = part == "title"
                widget = (
                    UnfoldAdminTextInputWidget(attrs=shown)
                    if is_title
                    else UnfoldAdminTextareaWidget(attrs={**shown, "rows": 2})
                )
                self.fields[f"{part}_{language}"] = PartField(
                    listed=kind.placeholders_of(channel),
                    is_title=is_title,
                    label=format_lazy("{} ({})", label, language.label),
                    initial=getattr(mine, part),
                    widget=widget,
                )

    def texts(self) -> dict[str, Text]:
        return {
            language.value: Text(self.cleaned_data[f"title_{language}"], self.cleaned_data[f"message_{language}"])
            for language in Language
        }


@admin.register(NotificationText)
class NotificationTextAdmin(AccessAdmin):
    """For those who manage the tenant. Its list is an overview: most texts are built in, and no rows."""

    about = gettext_lazy("Your own words for what customers are told.")
    entries = (Entry(Section.PEOPLE, 35, "edit_notifications"),)
    list_select_related = ("tenant",)

    def get_urls(self) -> list[Any]:
        """The page of a type and channel before Django's."""
        page = self.admin_site.admin_view(edit)
        route = "<uuid:tenant_id>/<slug:kind>/<slug:channel>/"
        return [path(route, page, name="notifications_notificationtext_edit"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What each type says through each channel and in each language, of one tenant at a time."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        staff = staff_at(request)
        tenants = list(Tenant.objects.filter(id__in=staff.managed_tenant_ids))
        asked = parse_id(request.GET.get("tenant"))
        chosen = next((one for one in tenants if one.id == asked), tenants[0])
        rows = NotificationText.objects.in_tenants([chosen.id])
        own: dict[tuple[str, str], dict[str, Text]] = {}
        for row in rows:
            own.setdefault((row.notification_type, row.channel), {})[row.language] = Text(row.title, row.message)
        context = {
            "title": _("Texts of notifications"),
            "tenants": tenants if len(tenants) > 1 else [],
            "chosen_tenant": chosen,
            "kinds": [
                (_label(chosen, kind), _channels(chosen, kind, own)) for kind in TYPES.values() if is_editable(kind)
            ],
        }
        return render(request, "support/notification_texts.html", {**self.admin_site.each_context(request), **context})


def _label(tenant: Tenant, kind: NotificationType) -> str:
    """What it says by itself, in the language of who looks."""
    return built_in(kind, Channel.IN_APP).filled(sample_facts(tenant)).title


def _channels(
    tenant: Tenant, kind: NotificationType, own: Mapping[tuple[str, str], Mapping[str, Text]]
) -> list[tuple[Any, str, list[Said]]]:
    return [
        (label, _address(tenant.id, kind, channel), _said(tenant, kind, channel, own.get((kind.name, channel), {})))
        for channel, label in CHANNELS.items()
    ]


def _address(tenant_id: UUID, kind: NotificationType, channel: Channel) -> str:
    return reverse("admin:notifications_notificationtext_edit", args=[tenant_id, kind.name, channel.value])


def edit(request: HttpRequest, tenant_id: UUID, kind: str, channel: str) -> HttpResponse:
    """Type, look at the preview, keep it; or give the built-in texts back."""
    listing = reverse("admin:notifications_notificationtext_changelist")
    mine = Tenant.objects.filter(id__in=staff_at(request).managed_tenant_ids)
    found, tenant = TYPES.get(kind), mine.filter(id=tenant_id).first()
    if tenant is None or found is None or not is_editable(found) or channel not in CHANNELS:
        request.row_not_found = True  # type: ignore[attr-defined]  # for the audit: it may be another tenant's
        messages.error(request, str(NotFound()))
        return redirect("admin:index")
    actor, way = staff_at(request).actor_in(tenant.id), Channel(channel)
    own = own_texts(actor, found.name, way)
    if "built_in" in request.POST:
        return _keep(request, actor, found, way, dict.fromkeys(Language.values, BUILT_IN), listing)
    form = TextsForm(request.POST or None, kind=found, channel=way, own=own)
    if form.is_valid():
        own = form.texts()
        if "preview" not in request.POST:
            return _keep(request, actor, found, way, own, listing)
    said = _said(tenant, found, way, own)
    context = {
        "title": f"{_label(tenant, found)}: {CHANNELS[way]}",
        "tenant": tenant,
        "listing": f"{listing}?tenant={tenant.id}",
        "form": form,
        "said": _with_mails(tenant, said) if way is Channel.EMAIL else said,
        "placeholders": [(f"{{{name}}}", sample_facts(tenant)[name]) for name in found.placeholders_of(way)],
    }
    page = {**admin.site.each_context(request), **context}
    return render(request, "support/notification_text.html", page, status=400 if form.errors else 200)


def _keep(
    request: HttpRequest,
    actor: Actor,
    kind: NotificationType,
    channel: Channel,
    texts: Mapping[str, Text],
    listing: str,
) -> HttpResponse:
    set_notification_texts(actor=actor, kind=kind.name, channel=channel, texts=texts)
    messages.success(request, _("Saved."))
    return redirect(f"{listing}?tenant={actor.tenant_id}")
