"""What can go wrong with a notification."""

from collections.abc import Sequence

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


class TextsNotEditable(DomainError):
    code = "notification_texts_not_editable"
    kind = Kind.INVALID
    message = _("The texts of this notification cannot be changed.")


class UnknownPlaceholders(DomainError):
    """`names`: those that nothing fills in there."""

    code = "unknown_placeholders"
    kind = Kind.INVALID
    message = _("Unknown placeholders: %(names)s")

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__({"names": list(names)})
        self.names = names

    def __str__(self) -> str:
        return str(self.message) % {"names": ", ".join(f"{{{name}}}" for name in self.names)}


class BrokenPlaceholders(DomainError):
    code = "broken_placeholders"
    kind = Kind.INVALID
    message = _("A brace stands alone. A placeholder is a name of the list between { and }, and nothing else.")


class SenderDomainNotAllowed(DomainError):
    code = "sender_domain_not_allowed"
    kind = Kind.CONFLICT
    message = _("The platform operator has not allowed the domain of this address.")


class NothingToProve(DomainError):
    """No sender address is set, or it is proved."""

    code = "nothing_to_prove"
    kind = Kind.CONFLICT
    message = _("There is no sender address that waits for a code.")


class MailNotConfigured(DomainError):
    code = "mail_not_configured"
    kind = Kind.CONFLICT
    message = _("No mail is configured here.")


class TooManySenderCodes(DomainError):
    code = "too_many_sender_codes"
    kind = Kind.THROTTLED
    message = _("Too many codes were asked for. Try again in an hour.")


class SenderCodeOver(DomainError):
    """None was asked for, or the last one is too old or was guessed at too often."""

    code = "sender_code_over"
    kind = Kind.CONFLICT
    message = _("This code is no longer good. Ask for another one.")
