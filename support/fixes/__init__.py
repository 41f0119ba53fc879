"""Data fixes of tickets: what `manage.py` repairs, on the harness of `ondi.datafixes`. Customers never hear of one.

Imported whole before a run is undone: what follows an undo registers itself here.
"""

from support.fixes import calendars, clocks, closing, files, final, messages, tickets

__all__ = ["calendars", "clocks", "closing", "files", "final", "messages", "tickets"]
