"""Addresses of a tenant's own that its mails come from: the operator allows a domain, and a code proves an address.

Both are asked when a mail is sent: what is withdrawn counts no more at once.
"""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator
from django.db.models import Exists, OuterRef

from ondi.notifications.models import SenderCode, SenderDomain

_domain_name = DomainNameValidator(accept_idna=False)


def domain_in_dns(text: str) -> str:
    """A domain as DNS has it, in lower case. Raises `ValueError` for what is none."""
    try:
        domain = text.strip().removesuffix(".").encode("idna").decode().lower()
        _domain_name(domain)
    except (UnicodeError, ValidationError) as error:
        raise ValueError(text) from error
    return domain


def address_in_dns(address: str) -> str:
    """An address with its domain as DNS has it; empty for one that no mail can come from."""
    user, _at, domain = address.rpartition("@")
    try:
        return f"{user}@{domain_in_dns(domain)}"
    except ValueError:
        return ""


def allow_domain(*, tenant_id: UUID, domain: str) -> None:
    """Let a tenant mail from proved addresses of this domain. Raises `ValueError` for what is no domain."""
    SenderDomain.objects.get_or_create(tenant_id=tenant_id, domain=domain_in_dns(domain))


def withdraw_domain(*, tenant_id: UUID, domain: str) -> bool:
    """Let it no more; whether it could before. Raises as `allow_domain`."""
    return bool(SenderDomain.objects.filter(tenant_id=tenant_id, domain=domain_in_dns(domain)).delete()[0])


def allowed_domains(tenant_id: UUID) -> Sequence[str]:
    found = SenderDomain.objects.filter(tenant_id=tenant_id)
    return list(found.order_by("domain").values_list("domain", flat=True))


def usable_address(*, tenant_id: UUID, address: str) -> str:
    """The address that mails come from where this one is proved and its domain allowed now; else empty."""
    wanted = address_in_dns(address)
    allowed = SenderDomain.objects.filter(tenant_id=OuterRef("tenant_id"), domain=wanted.rpartition("@")[2])
    return wanted if SenderCode.objects.proving(tenant_id, wanted).filter(Exists(allowed)).exists() else ""


def is_allowed(*, tenant_id: UUID, address: str) -> bool:
    """Whether the operator lets this tenant mail from there; not whether it was proved."""
    return SenderDomain.objects.filter(tenant_id=tenant_id, domain=address.rpartition("@")[2]).exists()
