"""The queue: tickets as agents work through them. Its pages stand in modules of their own beside this one."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.views import ChangeList

from ondi.common.errors import DomainError
from ondi.common.text import shows_nothing
from ondi.staff.admin_base import TicketDataAdmin
from ondi.staff.entry import Staff, staff_at
from ondi.staff.navigation import Entry, Section
from ondi.staff.once import SentBefore, sent_once
from support import services
from support.admin import columns
from support.admin.bulk import at_once_actions, bulk_actions
from support.admin.drafts import keep, take_back
from support.admin.export import csv_of
from support.admin.files import add_file, one_file
from support.admin.filter_bar import bar_of
from support.admin.home import hide_steps
from support.admin.live import live
from support.admin.notifications import notifications, notifications_news
from support.admin.own_settings import own_settings
from support.admin.pages import no_such_ticket, queue_url, ticket_url
from support.admin.phone import correct, phone
from support.admin.search import search
from support.admin.tabs import QueueFilter, asked_at, queue_links
from support.admin.ticket_macros import macro, macro_back, macros
from support.admin.ticket_page import colleagues, news, note, redact, reply, run_action, ticket_page, told
from support.admin.view_forms import do_view, edit_view, views_page
from support.errors import QueueEmpty
from support.models import Ticket
from support.queue.rows import shown
from support.queue.wanted import SORT, TAB, VIEW
from support.searching import asked_by, tickets_found


class QueueList(ChangeList):  # type: ignore[misc]  # unfold ships no types
    """Django's list, of which the keys are found by indexes alone, and rows are read of those that are shown."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        asked, found = asked_at(request), self.result_list
        self.result_list: Any = shown(found.values("pk"), asked.wanted.order(asked.reader), asked.reader)


@admin.register(Ticket)
class TicketAdmin(TicketDataAdmin):
    part_params = (TAB, VIEW, SORT)
    about = gettext_lazy("No ticket stands here. One begins when a customer writes, or when you take a call.")
    entries = (
        Entry(Section.SUPPORT, 10, "confirmation_number", is_daily=True),
        Entry(
            Section.SUPPORT, 15, "call", "phone/", gettext_lazy("Phone call"),
            is_daily=True, is_for=lambda staff: staff.working_tenant_ids,
        ),
    )  # fmt: skip
    change_list_template = "support/queue.html"
    list_before_template = "support/queue_top.html"
    list_fullwidth = True
    list_display_links = ("subject",)
    list_filter = (QueueFilter,)
    search_fields = ("subject",)  # so that there is a search box; `get_search_results` says what it does
    search_help_text = gettext_lazy("Subject, message, number, order, delivery code, customer; status:open, tag:…")
    sortable_by = ()

    def get_urls(self) -> list[Any]:
        """The workbench's own pages, before Django's."""
        view = self.admin_site.admin_view
        pages = [
            ("next/", self.next_view, "next"),
            ("export/", self.export_view, "export"),
            ("phone/", phone, "phone"),
            ("search/", search, "search"),
            ("customer/<uuid:membership_id>/", correct, "customer"),
            ("live/", live, "live"),
            ("views/", views_page, "views"),
            ("views/edit/", edit_view, "view"),
            ("views/<uuid:view_id>/do/", do_view, "view_do"),
            ("notifications/", notifications, "notifications"),
            ("notifications/news/", notifications_news, "notifications_news"),
            ("<uuid:ticket_id>/reply/", reply, "reply"),
            ("<uuid:ticket_id>/note/", note, "note"),
            ("own-settings/", own_settings, "own_settings"),
            ("first-steps/", hide_steps, "first_steps"),
            ("<uuid:ticket_id>/draft/", keep, "draft"),
            ("<uuid:ticket_id>/take-back/<slug:kind>/", take_back, "take_back"),
            ("<uuid:ticket_id>/files/", add_file, "files"),
            ("<uuid:ticket_id>/files/<uuid:file_id>/", one_file, "file"),
            ("<uuid:ticket_id>/news/", news, "news"),
            ("<uuid:ticket_id>/colleagues/", colleagues, "colleagues"),
            ("<uuid:ticket_id>/told/", told, "told"),
            ("<uuid:ticket_id>/action/<slug:name>/", run_action, "action"),
            ("<uuid:ticket_id>/redact/<uuid:message_id>/", redact, "redact"),
            ("<uuid:ticket_id>/macros/", macros, "macros"),
            ("<uuid:ticket_id>/macros/<uuid:macro_id>/", macro, "macro"),
            ("<uuid:ticket_id>/macros/<uuid:use>/back/", macro_back, "macro_back"),
        ]
        own = [path(route, view(page), name=f"support_ticket_{name}") for route, page, name in pages]
        return [*own, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return QueueList

    def get_list_display(self, request: HttpRequest) -> Any:
        staff, wanted = staff_at(request), asked_at(request).wanted
        found = [column(wanted.term) for column in (columns.subject_for, columns.requester_for, columns.item_for)]
        status = [columns.status] if wanted.place.mixes else []
        shown = [*found, *status, columns.priority, columns.turn_for(staff), columns.claiming_by(staff)]
        return [*shown, "tenant"] if len(staff.support_tenant_ids) > 1 else shown

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return list_display[:1]

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        asked = asked_at(request)
        return asked.wanted.order(asked.reader)

    def get_actions(self, request: HttpRequest) -> Any:
        """What can be done to several tickets; nothing for those who only look."""
        return bulk_actions() if staff_at(request).working_tenant_ids else {}

    def at_once_actions(self) -> list[tuple[str, Any]]:
        return at_once_actions()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """As the search of everything finds tickets; what it could not understand stands above the list."""
        if shows_nothing(search_term):
            return queryset, False
        found = tickets_found(queryset, asked_by(search_term), staff_at(request))
        request.search_faults = found.faults  # type: ignore[attr-defined]
        return found.tickets, False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._need_view_permission(request)
        staff = staff_at(request)
        context = {
            **queue_links(request),
            **(extra_context or {}),
            "title": _("Tickets"),
            "can_work": bool(staff.working_tenant_ids),
            "export_query": request.GET.urlencode(),
            "bar": bar_of(asked_at(request)),
        }
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The ticket's own page. Nothing of a ticket is saved by a form of Django's."""
        self._need_view_permission(request)
        try:
            return ticket_page(request, UUID(object_id))
        except ValueError:
            return no_such_ticket(request)

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Claim what waits longest at the highest priority, in the first of one's tenants where something waits."""
        if request.method != "POST":
            return redirect(queue_url())
        refusal: DomainError = QueueEmpty()
        for actor in self._working_actors(staff_at(request)):
            try:
                with sent_once(request, tenant_id=actor.tenant_id, said={}) as sending:
                    sending.location = ticket_url(services.claim_next_ticket(actor=actor).id)
                return redirect(sending.location)
            except SentBefore as before:
                return redirect(before.location)
            except DomainError as found:
                refusal = found
        messages.info(request, str(refusal))
        return redirect(queue_url())

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows now, all pages of it, as a file."""
        self._need_view_permission(request)
        try:
            rows = self.get_changelist_instance(request).queryset
        except (IncorrectLookupParameters, ValidationError, ValueError):
            return redirect(queue_url())
        return csv_of(rows, staff_at(request))

    def _need_view_permission(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _working_actors(self, staff: Staff) -> list[Any]:
        return [actor for actor in staff.actors if actor.tenant_id in staff.working_tenant_ids]
