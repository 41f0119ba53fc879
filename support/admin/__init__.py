"""The workbench: the queue, the ticket's page, the dashboard, and the records behind them."""

from support.admin import calendars, items, macros, notification_texts, policies, queue, records, texts
from support.settings import admin as settings

__all__ = [
    "calendars", "items", "macros", "notification_texts", "policies", "queue", "records", "settings", "texts",
]  # fmt: skip
