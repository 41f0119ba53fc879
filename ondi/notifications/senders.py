"""Whom a tenant's mails come from. The app above says what the tenant set; this library knows no setting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from ondi.notifications.sender_addresses import usable_address
from ondi.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Sender:
    """`address`: one of the tenant's own that it may use; empty: the operator's, under the tenant's name.
    `wanted_address`: the one it set, which need not count.

    `signature`: by language, plain text. `password_url`: the portal's page for a link, with `{token}`; empty: ours.
    """

    name: str
    address: str = ""
    wanted_address: str = ""
    reply_to: str = ""
    signature: Mapping[str, str] = field(default_factory=dict)
    password_url: str = ""


_SENDERS: list[Callable[[Tenant], Sender]] = []


def says_sender(function: Callable[[Tenant], Sender]) -> Callable[[Tenant], Sender]:
    """Register what knows the tenants' settings."""
    _SENDERS[:] = [function]
    return function


def sender_now(tenant_id: UUID) -> Sender:
    """This tenant's, with its own address where that counts now: a statement more where it set one."""
    sender = sender_of(tenant_id)
    if not sender.wanted_address:
        return sender
    return replace(sender, address=usable_address(tenant_id=tenant_id, address=sender.wanted_address))


def sender_of(tenant_id: UUID) -> Sender:
    """What this tenant set, which is in scope."""
    tenant = Tenant.objects.get(id=tenant_id)
    for function in _SENDERS:
        return function(tenant)
    return Sender(tenant.name)
