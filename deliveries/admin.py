"""Deliveries in the admin: to look at. They come from integrations and imports."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from deliveries.models import Delivery
from ondi.common.searching import words_of
from ondi.common.text import shows_nothing
from ondi.staff.admin_base import ReadOnlyAdmin
from ondi.staff.navigation import Entry, Section


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    about = _("Deliveries come from the shop's own system, with an API key or by an import.")
    entries = (Entry(Section.SHOP, 20, "local_shipping", is_daily=True),)
    list_display: tuple[str, ...] = (
        "__str__",
        "customer",
        "order",
        "status",
        "promised_at",
        "delivered_at",
        "store",
        "tenant",
    )
    list_filter = ("status",)
    list_select_related = ("tenant", "customer", "order")
    search_fields = ("delivery_code",)  # so that there is a search box; `get_search_results` says what it does
    ordering = ("-created_at", "-id")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """As the search of everything finds deliveries."""
        return (queryset if shows_nothing(search_term) else queryset.with_words(words_of(search_term))), False
