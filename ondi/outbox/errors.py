"""What can go wrong with the events of the outbox."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class PositionExpired(DomainError):
    """What comes next is no longer kept: the lists have to be read again."""

    code = "position_expired"
    kind = Kind.GONE
    message = _("This position is older than what is kept. Read everything again, and go on from the position now.")
