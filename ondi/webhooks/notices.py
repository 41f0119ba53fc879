"""What admins are told of their webhooks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.accounts.roles import Role
from ondi.notifications.models import Notification
from ondi.notifications.services import MOST_PEOPLE, tell
from ondi.notifications.types import Audience, Channel, NotificationType, When, register
from ondi.webhooks.models import Endpoint

FAILING, DISABLED = "webhook_failing", "webhook_disabled"
_IN_APP_ONLY = {Channel.EMAIL: (When.OFF,), Channel.PUSH: (When.OFF,)}

register(
    NotificationType(
        FAILING, Audience.ADMINS, _("A webhook is failing"), _("No call to {host} has succeeded for {hours} hours."),
        timedelta(), allowed=_IN_APP_ONLY,
    ),
    NotificationType(
        DISABLED, Audience.ADMINS, _("A webhook was disabled"),
        _("Nothing is sent to {host} until it is turned on again."),
        timedelta(), allowed=_IN_APP_ONLY,
    ),
)  # fmt: skip


def tell_admins(endpoint: Endpoint, kind: str, at: datetime) -> Sequence[Notification]:
    """In the transaction that found it out, with the endpoint locked: so each is told once."""
    admins = Membership.objects.in_tenants([endpoint.tenant_id]).active().filter(role=Role.ADMIN).order_by("id")
    return tell(
        [
            Notification(
                tenant_id=endpoint.tenant_id,
                membership=admin,
                notification_type=kind,
                position=None,
                subject_id=endpoint.id,
                data={"host": endpoint.host, "hours": endpoint.told_hours},
                created_at=at,
                shown_at=at,
            )
            for admin in admins[:MOST_PEOPLE]
        ]
    )
