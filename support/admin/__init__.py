"""The desk in the admin: the queue, the ticket's page, the front page, and the records behind them."""

from support.admin import items, queue, records
from support.settings import admin as settings

__all__ = ["items", "queue", "records", "settings"]
