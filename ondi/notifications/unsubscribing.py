"""One click in a mail ends a customer's mails of a tenant (RFC 8058). Whose click that is, a token says."""

from django.conf import settings
from django.core import signing

from ondi.accounts.models import Membership
from ondi.common.ids import parse_id
from ondi.notifications.errors import UnsubscribeLinkInvalid
from ondi.notifications.preferences import switch_off
from ondi.notifications.types import TYPES, Audience, Channel
from ondi.tenants.scope import tenant_scope

_SALT = "ondi.notifications.unsubscribe"
LONGEST_TOKEN = 200


def unsubscribe_url(member: Membership) -> str:
    """Where one click does it. Empty where this installation has no address."""
    return f"{settings.PUBLIC_URL}/notifications/unsubscribe/{token_of(member)}" if settings.PUBLIC_URL else ""


def token_of(member: Membership) -> str:
    """The same each time: an HMAC over purpose, tenant and membership, and these."""
    return signing.Signer(salt=_SALT, sep="~").sign(f"{member.tenant_id}~{member.id}")


def unsubscribe(*, token: str) -> None:
    """Put all types for customers to mail `off`; a second time changes nothing. Locks the person's preferences.

    Raises `UnsubscribeLinkInvalid` for a token that is no one's, or of somebody who was erased.
    """
    member = unsubscribing(token=token)
    types = [one for one in TYPES.values() if one.audience is Audience.CUSTOMERS]
    with tenant_scope(member.tenant_id):
        switch_off(tenant_id=member.tenant_id, membership_id=member.id, types=types, channel=Channel.EMAIL)


def unsubscribing(*, token: str) -> Membership:
    """Whose mails this token would end, with their tenant. Raises as `unsubscribe`; changes nothing."""
    try:
        tenant, _between, member = signing.Signer(salt=_SALT, sep="~").unsign(token[:LONGEST_TOKEN]).partition("~")
    except signing.BadSignature as error:
        raise UnsubscribeLinkInvalid from error
    tenant_id, membership_id = parse_id(tenant), parse_id(member)
    if tenant_id is None or membership_id is None:
        raise UnsubscribeLinkInvalid
    with tenant_scope(tenant_id):
        people = Membership.objects.in_tenants([tenant_id]).filter(id=membership_id, erased_at=None)
        found = people.select_related("tenant").first()
    if found is None:
        raise UnsubscribeLinkInvalid
    return found
