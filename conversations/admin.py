"""Conversations in the admin: to look at. They belong to tickets, and open to the same people."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from conversations.models import Conversation, Message, Participant
from conversations.words import words
from ondi.common.text import shows_nothing
from ondi.staff.admin_base import TicketDataAdmin
from ondi.staff.navigation import Entry, Section


class MessageInline(TabularInline):  # type: ignore[misc]  # unfold ships no types
    model = Message
    fields = ("sequence", "created_at", "sender", "sender_role", "text")
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    per_page = 50
    ordering = ("-sequence",)
    verbose_name_plural = _("messages")

    @admin.display(description=_("text"))
    def text(self, message: Message) -> str:
        return words(message)

    def get_queryset(self, request: HttpRequest) -> object:
        return super().get_queryset(request).select_related("sender")

    def has_view_permission(self, request: object, obj: object = None) -> bool:
        return True

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Conversation)
class ConversationAdmin(TicketDataAdmin):
    about = _("What was said in each ticket. A conversation begins with its ticket.")
    entries = (Entry(Section.SUPPORT, 20, "forum"),)
    list_display = ("title", "status", "message_count", "last_message_preview", "last_message_at", "tenant")
    list_filter = ("status",)
    list_select_related = ("tenant",)
    search_fields = ("title",)  # so that there is a search box; `get_search_results` says what it does
    ordering = ("-id",)  # as they began: an index by the last message would be written with each message
    fields = ("tenant", "title", "kind", "status", "message_count", "created_at", "last_message_at")
    inlines = (MessageInline,)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The search of tickets: in title and messages, by customer, order and number."""
        return (queryset if shows_nothing(search_term) else queryset.matching(search_term)), False


@admin.register(Message)
class MessageAdmin(TicketDataAdmin):
    about = _("Each message, as it was written.")
    entries = (Entry(Section.RECORDS, 30, "chat"),)
    list_display = ("conversation", "sequence", "sender", "sender_role", "text", "created_at")
    list_filter = ("sender_role", "message_type")
    list_select_related = ("conversation", "sender")
    ordering = ("-id",)  # in the order of time, and by the key, for which there is an index
    fields = ("tenant", "conversation", "sequence", "sender", "sender_role", "message_type", "text", "created_at")

    @admin.display(description=_("text"))
    def text(self, message: Message) -> str:
        return words(message)

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        return self.fields


@admin.register(Participant)
class ParticipantAdmin(TicketDataAdmin):
    about = _("Who takes part in which conversation.")
    entries = (Entry(Section.RECORDS, 40, "person_add"),)
    list_display = ("conversation", "membership", "role", "last_read_sequence", "joined_at", "left_at")
    list_filter = ("role",)
    list_select_related = ("conversation", "membership")
    ordering = ("-id",)
