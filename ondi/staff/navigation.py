"""The admin's side bar: one entry a screen, in the order of a working day."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

GROUPS = (
    (_("Support"), ("support.ticket", "conversations.conversation", "support.cannedreply", "support.tag")),
    (_("Shop"), ("orders.order", "deliveries.delivery")),
    (_("People and settings"), ("accounts.membership", "tenants.portalsettings", "tenants.tenant", "accounts.apikey")),
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
        ),
    ),
)
ICONS = {
    "support.ticket": "confirmation_number",
    "conversations.conversation": "forum",
    "support.cannedreply": "quickreply",
    "support.tag": "sell",
    "orders.order": "receipt_long",
    "deliveries.delivery": "local_shipping",
    "accounts.membership": "group",
    "tenants.portalsettings": "tune",
    "tenants.tenant": "storefront",
    "accounts.apikey": "key",
    "support.ticketevent": "history",
    "support.ticketnote": "sticky_note_2",
    "conversations.message": "chat",
    "conversations.participant": "person_add",
    "accounts.user": "badge",
    "accounts.refreshfamily": "devices",
    "accounts.settingschange": "manage_history",
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may open, grouped."""
    screens = {model._meta.label_lower: (model, screen) for model, screen in admin.site._registry.items()}
    groups = []
    for title, labels in GROUPS:
        items = [
            {
                "title": capfirst(model._meta.verbose_name_plural),
                "icon": ICONS[label],
                "link": reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
            }
            for label in labels
            for model, screen in [screens[label]]
            if screen.has_view_permission(request)
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups
