"""What the queue can be asked: its tabs, filters and orders, and the views that people save of them."""
