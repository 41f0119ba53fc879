"""Tickets in the admin: screens that call the services and show what these refuse."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog, UnfoldAction
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from ondi.common.errors import DomainError
from ondi.staff.admin_base import ScopedAdmin, TicketDataAdmin
from ondi.staff.entry import Staff, staff_at
from support import policies, services
from support.models import CannedReply, Tag, Ticket, TicketEvent, TicketNote

Act = Callable[..., Ticket]
STATUS_COLOURS = {"open": "success", "closed": "info"}
PRIORITY_COLOURS = {"urgent": "danger", "high": "warning", "medium": "info", "low": "default"}


class TakeOverForm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    reason = forms.CharField(
        label=_("Why do you take this ticket over?"), max_length=500, widget=UnfoldAdminTextareaWidget
    )


def confirm(title: Any, button: Any, form: type[BaseDialogForm] | None = None) -> ActionDialog:
    """A dialog that posts: nothing changes on a mere visit."""
    return ActionDialog(title=title, description="", form_class=form, form_submit_text=button)


class RecordInline(TabularInline):  # type: ignore[misc]  # unfold ships no types
    """Rows to look at below a ticket."""

    people: tuple[str, ...] = ()
    extra = 0
    max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.people)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class EventInline(RecordInline):
    model = TicketEvent
    fields = readonly_fields = ("created_at", "kind", "actor")
    people = ("actor",)
    verbose_name_plural = _("history")


class NoteInline(RecordInline):
    model = TicketNote
    fields = readonly_fields = ("created_at", "author", "content")
    people = ("author",)
    verbose_name_plural = _("internal notes")


@admin.register(Ticket)
class TicketAdmin(TicketDataAdmin):
    list_display = (
        "number",
        "subject",
        "requester",
        "shown_status",
        "shown_priority",
        "waiting",
        "assignee",
        "tenant",
    )
    list_display_links = ("number", "subject")
    list_filter = ("status", "waiting_on", "priority", "source")
    list_select_related = ("tenant", "requester", "assignee")
    search_fields = ("=number", "subject__icontains")
    ordering = ("-status", "waiting_on", "waiting_since", "id")
    fields = (
        ("number", "tenant"),
        "subject",
        ("status", "priority", "source"),
        ("requester", "assignee"),
        ("delivery", "order"),
        "conversation_link",
        ("waiting_on", "waiting_since"),
        ("created_at", "last_activity_at"),
        ("closed_at", "closed_by"),
    )
    inlines = (NoteInline, EventInline)
    actions = ("claim_selected", "release_selected", "close_selected", "reopen_selected")
    actions_detail = ("claim", "take_over", "release", "close", "reopen")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "conversation_link")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The API's search. One letter finds nothing, as there."""
        if not search_term:
            return queryset, False
        return (queryset.matching(search_term) if len(search_term) > 1 else queryset.none()), False

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        """Buttons for what this person can do to this ticket now; the services ask again."""
        ticket = self.get_object(request, str(object_id))
        if ticket is None:
            return []
        open_to_me = policies.actions_open_to(ticket, staff_at(request).actor_in(ticket.tenant_id))
        return [
            found
            for found in super().get_actions_detail(request, object_id)
            if found.action_name.removeprefix("support_ticket_") in open_to_me
        ]

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def shown_status(self, ticket: Ticket) -> tuple[str, Any]:
        return ticket.status, ticket.get_status_display()

    @display(description=_("priority"), ordering="priority", label=PRIORITY_COLOURS)  # type: ignore[untyped-decorator]
    def shown_priority(self, ticket: Ticket) -> tuple[str, Any]:
        return ticket.priority, ticket.get_priority_display()

    @admin.display(description=_("waiting on"), ordering="waiting_since")
    def waiting(self, ticket: Ticket) -> str:
        if ticket.waiting_since is None:
            return ""
        return f"{ticket.get_waiting_on_display()}, {timesince(ticket.waiting_since, depth=1)}"

    @admin.display(description=_("conversation"))
    def conversation_link(self, ticket: Ticket) -> str:
        url = reverse("admin:conversations_conversation_change", args=[ticket.conversation_id])
        return format_html('<a class="text-primary-600 underline" href="{}">{}</a>', url, _("Read the conversation"))

    @admin.action(description=_("Claim selected tickets"))
    def claim_selected(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        self._act_on_each(request, tickets, services.claim_ticket)

    @admin.action(description=_("Release selected tickets"))
    def release_selected(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        self._act_on_each(request, tickets, services.release_ticket)

    @admin.action(description=_("Close selected tickets"))
    def close_selected(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        self._act_on_each(request, tickets, services.close_ticket)

    @admin.action(description=_("Reopen selected tickets"))
    def reopen_selected(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        self._act_on_each(request, tickets, services.reopen_ticket)

    @action(description=_("Claim"), url_path="claim", icon="pan_tool", dialog=confirm(_("Claim"), _("Claim")))  # type: ignore[untyped-decorator]
    def claim(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self._act_on_one(request, object_id, services.claim_ticket)

    @action(  # type: ignore[untyped-decorator]
        description=_("Take over"),
        url_path="take-over",
        icon="swap_horiz",
        dialog=confirm(_("Take over"), _("Take over"), TakeOverForm),
    )
    def take_over(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self._act_on_one(request, object_id, services.take_over_ticket, reason=form.cleaned_data["reason"])

    @action(description=_("Release"), url_path="release", icon="undo", dialog=confirm(_("Release"), _("Release")))  # type: ignore[untyped-decorator]
    def release(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self._act_on_one(request, object_id, services.release_ticket)

    @action(
        description=_("Close ticket"),
        url_path="close",
        icon="check",
        dialog=confirm(_("Close ticket"), _("Close ticket")),
    )  # type: ignore[untyped-decorator]
    def close(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self._act_on_one(request, object_id, services.close_ticket)

    @action(description=_("Reopen"), url_path="reopen", icon="replay", dialog=confirm(_("Reopen"), _("Reopen")))  # type: ignore[untyped-decorator]
    def reopen(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self._act_on_one(request, object_id, services.reopen_ticket)

    def _act_on_one(self, request: HttpRequest, object_id: str, act: Act, **details: Any) -> HttpResponse:
        page = HttpResponseRedirect(reverse("admin:support_ticket_change", args=[object_id]))
        ticket = self.get_object(request, object_id)
        if ticket is None:
            self.message_user(request, _("This ticket does not exist."), messages.ERROR)
            page = HttpResponseRedirect(reverse("admin:support_ticket_changelist"))
        else:
            try:
                act(actor=staff_at(request).actor_in(ticket.tenant_id), ticket_id=ticket.id, **details)
                self.message_user(request, _("Done: %(ticket)s") % {"ticket": ticket}, messages.SUCCESS)
            except DomainError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
        page.headers["HX-Redirect"] = page.url
        return page

    def _act_on_each(self, request: HttpRequest, tickets: QuerySet[Ticket], act: Act) -> None:
        """Each ticket by itself: what one refuses does not hold up the others."""
        done = 0
        for ticket in tickets.order_by("pk"):
            try:
                act(actor=staff_at(request).actor_in(ticket.tenant_id), ticket_id=ticket.id)
                done += 1
            except DomainError as refusal:
                self.message_user(request, f"#{ticket.number}: {refusal}", messages.WARNING)
        if done:
            text = ngettext("%(count)d ticket done.", "%(count)d tickets done.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)


@admin.register(TicketEvent)
class TicketEventAdmin(TicketDataAdmin):
    list_display = ("ticket", "kind", "actor", "created_at", "tenant")
    list_filter = ("kind",)
    list_select_related = ("ticket", "actor", "tenant")
    ordering = ("-created_at", "-id")


@admin.register(TicketNote)
class TicketNoteAdmin(TicketDataAdmin):
    list_display = ("ticket", "author", "content", "created_at")
    list_select_related = ("ticket", "author")
    ordering = ("-created_at", "-id")


class DeskAdmin(ScopedAdmin):
    """What support users set up for themselves."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.support_tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.working_tenant_ids

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Tag)
class TagAdmin(DeskAdmin):
    list_display = ("name", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("name",)


@admin.register(CannedReply)
class CannedReplyAdmin(DeskAdmin):
    list_display = ("shortcut", "language", "content", "tenant")
    list_filter = ("language",)
    list_select_related = ("tenant",)
    search_fields = ("shortcut", "content")
