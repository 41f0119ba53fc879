"""Service levels, without a database: open hours, the clocks of a ticket, and which promise is made for it."""
