"""The hook that leads upward: support listens, in the same transaction."""

from django.dispatch import Signal

# A delivery has a new status; its row is locked. Arguments: `tenant_id`, `delivery_id`, `status`, `at`.
delivery_status_changed = Signal()
