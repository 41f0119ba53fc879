"""Deliveries in the admin: to look at. They come from integrations and imports."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deliveries.models import Delivery
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
    search_fields = ("delivery_code__folded", "external_id__folded")
    ordering = ("-created_at", "-id")
