"""What follows an undo, and what is held before it, of every fix: loaded whole before a run is undone."""

from support.fixes import calendars, closing, tickets

__all__ = ["calendars", "closing", "tickets"]
