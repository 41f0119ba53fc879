"""What can go wrong with a notification."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class NotificationNotFound(DomainError):
    code = "notification_not_found"
    kind = Kind.NOT_FOUND
    message = _("Notification not found.")


class UnsubscribeLinkInvalid(DomainError):
    code = "not_found"
    kind = Kind.NOT_FOUND
    message = _("This link is not valid.")
