"""The records behind the workbench, and tags; what support users have ready stands in `texts` and `macros`."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ondi.datafixes.models import FixRun
from ondi.datafixes.runs import status_of
from ondi.staff.admin_base import ReadOnlyAdmin, ScopedAdmin, TicketDataAdmin
from ondi.staff.entry import Staff
from ondi.staff.navigation import Entry, Section
from support.models import Tag, TicketEvent, TicketNote


@admin.register(TicketEvent)
class TicketEventAdmin(TicketDataAdmin):
    about = _("What happened to each ticket, and who did it.")
    entries = (Entry(Section.RECORDS, 10, "history"),)
    list_display = ("ticket", "kind", "actor", "created_at", "tenant")
    list_filter = ("kind",)
    list_select_related = ("ticket", "actor", "tenant")
    ordering = ("-id",)  # in the order of time


@admin.register(TicketNote)
class TicketNoteAdmin(TicketDataAdmin):
    about = _("What colleagues wrote to each other about a ticket. Customers never see it.")
    entries = (Entry(Section.RECORDS, 20, "sticky_note_2"),)
    list_display = ("ticket", "author", "content", "created_at")
    list_select_related = ("ticket", "author")
    ordering = ("-id",)  # in the order of time


@admin.register(FixRun)
class FixRunAdmin(ReadOnlyAdmin):
    """What operators' data fixes changed, for those who manage the tenant; undone by command only."""

    about = _("What operators corrected in the data, and how far that went.")
    entries = (Entry(Section.RECORDS, 80, "healing"),)
    list_display = ("command", "how_far", "changed", "failed", "operator", "started_at", "tenant")
    list_filter = ("status",)
    list_select_related = ("tenant",)
    ordering = ("-started_at", "-id")
    exclude = ("status",)  # as it was written; a process that died wrote nothing more

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["how_far" if name == "status" else name for name in super().get_readonly_fields(request, obj)]

    @admin.display(description=_("status"), ordering="status")
    def how_far(self, run: FixRun) -> str:
        return str(status_of([run])[run.id].label)


class WorkbenchAdmin(ScopedAdmin):
    """What support users set up for themselves."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.support_tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.working_tenant_ids

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Tag)
class TagAdmin(WorkbenchAdmin):
    about = _("Words to sort tickets by. Add the first one, and it can be chosen on every ticket.")
    entries = (Entry(Section.SUPPORT, 40, "sell"),)
    list_display = ("name", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("name__folded",)
