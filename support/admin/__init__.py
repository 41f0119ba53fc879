"""The workbench: the queue, the ticket's page, the dashboard, and the records behind them."""

from support.admin import items, queue, records
from support.settings import admin as settings

__all__ = ["items", "queue", "records", "settings"]
