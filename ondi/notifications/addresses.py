"""Addresses to which mails go no more, because a server said for good that nobody reads there."""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings

from ondi.notifications.models import Suppression
from ondi.notifications.querysets import SuppressionQuerySet

BOUNCED, COMPLAINED, REFUSED = "bounced", "complained", "refused"


def suppress(*, tenant_id: UUID, address: str, reason: str) -> None:
    """Send this tenant's mails there no more. Needs the tenant in scope."""
    Suppression.objects.get_or_create(tenant_id=tenant_id, address_hash=_hash_of(address), defaults={"reason": reason})


def is_suppressed(*, tenant_id: UUID, address: str) -> bool:
    return _suppressions(tenant_id, address).exists()


def suppression_of(*, tenant_id: UUID, address: str | None) -> Suppression | None:
    """Why mails go there no more, and since when; None where they go, and where there is no address."""
    return _suppressions(tenant_id, address).first() if address else None


def forget(*, tenant_id: UUID, address: str) -> bool:
    """Try this address again; whether it was suppressed."""
    return bool(_suppressions(tenant_id, address).delete()[0])


def _suppressions(tenant_id: UUID, address: str) -> SuppressionQuerySet:
    return Suppression.objects.in_tenants([tenant_id]).filter(address_hash=_hash_of(address))


def _hash_of(address: str) -> str:
    text = f"ondi.notifications.addresses:{address.strip().casefold()}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
