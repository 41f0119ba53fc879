"""The admin's side bar: one entry a screen, in the order of a working day."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

GROUPS = (
    (_("Support"), ("support.ticket", "conversations.conversation", "support.cannedreply", "support.tag")),
    (_("Shop"), ("orders.order", "deliveries.delivery")),
    (
        _("People and settings"),
        ("customers", "staff", "tenants.portalsettings", "tenants.tenant", "accounts.apikey"),
    ),
    (
        _("Records"),
        (
            "support.ticketevent",
            "support.ticketnote",
            "conversations.message",
            "conversations.participant",
            "accounts.user",
            "accounts.refreshfamily",
            "accounts.settingschange",
            "datafixes.fixrun",
        ),
    ),
)
# Entries that are a part of a screen: the screen, the filter, the name.
PARTS = {
    "customers": ("accounts.membership", "?people=customers", _("Customers")),
    "staff": ("accounts.membership", "?people=staff", _("Staff")),
}
ICONS = {
    "support.ticket": "confirmation_number",
    "conversations.conversation": "forum",
    "support.cannedreply": "quickreply",
    "support.tag": "sell",
    "orders.order": "receipt_long",
    "deliveries.delivery": "local_shipping",
    "customers": "group",
    "staff": "badge",
    "tenants.portalsettings": "tune",
    "tenants.tenant": "storefront",
    "accounts.apikey": "key",
    "support.ticketevent": "history",
    "support.ticketnote": "sticky_note_2",
    "conversations.message": "chat",
    "conversations.participant": "person_add",
    "accounts.user": "login",
    "accounts.refreshfamily": "devices",
    "accounts.settingschange": "manage_history",
    "datafixes.fixrun": "healing",
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may open, grouped."""
    screens = {model._meta.label_lower: (model, screen) for model, screen in admin.site._registry.items()}
    groups = []
    for title, entries in GROUPS:
        items = [item for entry in entries for item in _items(request, screens, entry)]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def _items(request: HttpRequest, screens: Mapping[str, Any], entry: str) -> list[dict[str, Any]]:
    label, query, name = PARTS.get(entry, (entry, "", ""))
    model, screen = screens[label]
    if not screen.has_view_permission(request):
        return []
    link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + query
    return [{"title": name or capfirst(model._meta.verbose_name_plural), "icon": ICONS[entry], "link": link}]
