"""What can go wrong with a webhook."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class SubscriptionNotFound(DomainError):
    code = "subscription_not_found"
    kind = Kind.NOT_FOUND
    message = _("Webhook not found.")


class SubscriptionLimitReached(DomainError):
    code = "subscription_limit_reached"
    kind = Kind.CONFLICT
    message = _("There are as many webhooks as a tenant may have.")


class SecretRotated(DomainError):
    code = "secret_rotated"
    kind = Kind.CONFLICT
    message = _("The secret was rotated a moment ago, in another tab or by somebody else, and was not rotated again.")
