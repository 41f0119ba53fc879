"""The workbench: the queue, the ticket's page, the dashboard, and the records behind them."""

from support.admin import items, notification_texts, queue, records, service_levels
from support.settings import admin as settings

__all__ = ["items", "notification_texts", "queue", "records", "service_levels", "settings"]
