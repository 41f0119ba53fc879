"""Orders in the admin: to look at. They come from integrations and imports."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ondi.common.searching import words_of
from ondi.common.text import shows_nothing
from ondi.staff.admin_base import ReadOnlyAdmin
from ondi.staff.navigation import Entry, Section
from orders.models import Order


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    about = _("Orders come from the shop's own system, with an API key or by an import.")
    entries = (Entry(Section.SHOP, 10, "receipt_long", is_daily=True),)
    list_display = (
        "number", "customer", "status", "payment_status", "total_amount", "currency", "placed_at", "store", "tenant",
    )  # fmt: skip
    list_filter = ("status", "payment_status")
    list_select_related = ("tenant", "customer")
    search_fields = ("number",)  # so that there is a search box; `get_search_results` says what it does
    ordering = ("-placed_at", "-id")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """As the search of everything finds orders."""
        return (queryset if shows_nothing(search_term) else queryset.with_words(words_of(search_term))), False
