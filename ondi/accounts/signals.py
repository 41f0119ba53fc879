"""The hook that leads upward: support listens, in the same transaction."""

from django.dispatch import Signal

# A person stopped being a support user of a tenant or left it. Argument: `membership`.
support_role_ended = Signal()
