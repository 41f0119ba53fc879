"""The hooks that lead upward: who listens does so in the same transaction."""

from django.dispatch import Signal

# A person stopped being a support user of a tenant or left it. Argument: `membership`.
support_role_ended = Signal()
# Somebody asked for a link to set another password. Arguments: `membership`, in scope; `site`, how our links begin.
reset_asked = Signal()
