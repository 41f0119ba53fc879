"""Data fixes of tickets: what `manage.py` repairs, on the harness of `ondi.datafixes`. Customers never hear of one."""
