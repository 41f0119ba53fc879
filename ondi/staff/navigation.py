"""The admin's side bar, collected from the screens: each says where it stands (`ScopedAdmin.entries`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import TextChoices
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _


class Section(TextChoices):
    """Groups of screens, in the order of a working day."""

    SUPPORT = "support", _("Support")
    SHOP = "shop", _("Shop")
    PEOPLE = "people", _("People and settings")
    RECORDS = "records", _("Records")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the side bar. `place`: its order in the section; `query` and `title`: for a part of a screen."""

    section: Section
    place: int
    icon: str
    query: str = ""
    title: str | Promise = ""


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may open, grouped."""
    lines = [
        (entry, {"title": entry.title or capfirst(model._meta.verbose_name_plural), "icon": entry.icon,
                 "link": reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + entry.query})
        for model, screen in admin.site._registry.items()
        if screen.has_view_permission(request)
        for entry in _entries_of(screen)
    ]  # fmt: skip
    lines.sort(key=lambda line: line[0].place)
    groups = []
    for section in Section:
        items = [line for entry, line in lines if entry.section == section]
        if items:
            groups.append({"title": section.label, "separator": True, "items": items})
    return groups


def _entries_of(screen: Any) -> Sequence[Entry]:
    entries: Sequence[Entry] = getattr(screen, "entries", ())
    return entries
