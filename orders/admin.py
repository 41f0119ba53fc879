"""Orders in the admin: to look at. They come from integrations and imports."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

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
    search_fields = ("number__folded", "external_id__folded")
    ordering = ("-placed_at", "-id")
