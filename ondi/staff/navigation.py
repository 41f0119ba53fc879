"""The admin's side bar, collected from the screens: each says where it stands (`ScopedAdmin.entries`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.contrib import admin
from django.db.models import TextChoices
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ondi.staff.entry import Staff, staff_at


class Section(TextChoices):
    """Groups of screens, in the order of a working day."""

    SUPPORT = "support", _("Support")
    SHOP = "shop", _("Shop")
    PEOPLE = "people", _("People and settings")
    RECORDS = "records", _("Records")


ORDER = list(Section)


def everybody(_staff: Staff) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the side bar. `place`: its order in the section; `query`, `title`, `about`: for a part of a screen.

    `is_daily`: in view for those who work on tickets and manage nothing; what else they may open is folded away.
    `is_for`: to whom it is any use, of those who may open the screen. `holds`: whether a row belongs to this part.
    """

    section: Section
    place: int
    icon: str
    query: str = ""
    title: str | Promise = ""
    about: str | Promise = ""
    is_daily: bool = False
    is_for: Callable[[Staff], Any] = everybody
    holds: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    entry: Entry
    path: str
    title: Any
    about: Any

    @property
    def order(self) -> tuple[int, int]:
        return ORDER.index(self.entry.section), self.entry.place

    def nearness(self, request: HttpRequest) -> tuple[int, bool]:
        """How well it fits the page that is shown; nothing, where it does not."""
        address, holds = self.path + self.entry.query, self.entry.holds
        path = self.path if self.entry.query.startswith("?") else address
        if not request.path.startswith(path):
            return 0, False
        row = getattr(request, "row_shown", None)
        is_named = self.entry.query.removeprefix("?") in unquote(request.META.get("QUERY_STRING", ""))
        return len(path), is_named or bool(row and holds and holds(row))


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may open, grouped. Who works on tickets has the day's screens in view, and all others below."""
    lines = sorted(_lines(request), key=lambda line: line.order)
    here = max(lines, key=lambda line: line.nearness(request), default=None)
    if here is not None and not here.nearness(request)[0]:
        here = None
    if staff_at(request).managed_tenant_ids:
        groups = [_group(section.label, [one for one in lines if one.entry.section == section], here,
                         is_folded=section == Section.RECORDS) for section in Section]  # fmt: skip
    else:
        daily = [line for line in lines if line.entry.is_daily]
        groups = [
            _group("", daily, here),
            _group(_("More"), [line for line in lines if line not in daily], here, is_folded=True),
        ]
    return [group for group in groups if group["items"]]


def _group(title: Any, lines: Sequence[_Line], here: _Line | None, *, is_folded: bool = False) -> dict[str, Any]:
    items = [
        {"title": line.title, "icon": line.entry.icon, "link": line.path + line.entry.query, "active": line is here,
         "about": line.about}
        for line in lines
    ]  # fmt: skip
    return {"title": title, "separator": True, "collapsible": is_folded, "items": items}


def _lines(request: HttpRequest) -> Iterator[_Line]:
    staff = staff_at(request)
    for model, screen in admin.site._registry.items():
        if screen.has_view_permission(request):
            for entry in getattr(screen, "entries", ()):
                if entry.is_for(staff):
                    title = entry.title or capfirst(model._meta.verbose_name_plural)
                    yield _Line(entry, _path(screen, staff), title, entry.about or getattr(screen, "about", ""))


def _path(screen: Any, staff: Staff) -> str:
    """The list; for what each tenant has one of, at once the row of who serves one tenant."""
    page = f"admin:{screen.opts.app_label}_{screen.opts.model_name}"
    if getattr(screen, "is_one_per_tenant", False) and len(staff.tenant_ids) == 1:
        return reverse(f"{page}_change", args=staff.tenant_ids)
    return reverse(f"{page}_changelist")
