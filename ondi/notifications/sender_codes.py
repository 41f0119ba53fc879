"""Codes that prove a sender address: mailed to it, and entered by who asked for one."""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from ondi.notifications.addresses import forget, suppression_of
from ondi.notifications.errors import (
    MailNotConfigured,
    NothingToProve,
    SenderCodeOver,
    SenderDomainNotAllowed,
    TooManySenderCodes,
)
from ondi.notifications.mails import queue_mail
from ondi.notifications.models import Mail, SenderCode
from ondi.notifications.sender_addresses import address_in_dns, is_allowed

PURPOSE = "sender_code"
GOOD_FOR = timedelta(hours=1)
MOST_TRIES = 5
MOST_AN_HOUR = 5  # of a tenant: nobody is to be flooded with codes
DIGITS = 8


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an address is. `asked_at`: of the code that can be entered; `is_stopped`: it came back."""

    address: str
    is_allowed: bool
    proved_at: datetime | None = None
    asked_at: datetime | None = None
    is_stopped: bool = False


def standing_of(*, tenant_id: UUID, address: str, at: datetime) -> Standing:
    """At most four statements."""
    wanted = address_in_dns(address)
    if not is_allowed(tenant_id=tenant_id, address=wanted):
        return Standing(wanted or address, is_allowed=False)
    if proof := SenderCode.objects.proving(tenant_id, wanted).first():
        return Standing(wanted, is_allowed=True, proved_at=proof.proved_at)
    code = SenderCode.objects.last_of(tenant_id, wanted)
    is_open = code is not None and _is_open(code, at)
    is_stopped = suppression_of(tenant_id=tenant_id, address=wanted) is not None
    return Standing(
        wanted, is_allowed=True, asked_at=code.asked_at if code and is_open else None, is_stopped=is_stopped
    )


def ask_for_code(*, tenant_id: UUID, membership_id: UUID, address: str, at: datetime | None = None) -> Mail:
    """Mail a code to this address, in the language of who asks. One that was asked for before is no longer good.

    The caller has the tenant's settings locked. Raises `MailNotConfigured`, `SenderDomainNotAllowed`, `NothingToProve`
    for an address that is proved, and `TooManySenderCodes`; then nothing is mailed.
    """
    at, wanted = at or timezone.now(), address_in_dns(address)
    if not settings.MAIL_IS_SENT:
        raise MailNotConfigured
    if not is_allowed(tenant_id=tenant_id, address=wanted):
        raise SenderDomainNotAllowed
    if SenderCode.objects.proving(tenant_id, wanted).exists():
        raise NothingToProve
    if SenderCode.objects.in_tenants([tenant_id]).filter(asked_at__gt=at - GOOD_FOR).count() >= MOST_AN_HOUR:
        raise TooManySenderCodes
    forget(tenant_id=tenant_id, address=wanted)  # they say that it works now
    code = SenderCode.objects.create(tenant_id=tenant_id, address=wanted, asked_at=at)
    return queue_mail(tenant_id=tenant_id, membership_id=membership_id, purpose=PURPOSE, subject_id=code.id, at=at)


def enter_code(*, tenant_id: UUID, address: str, code: str, at: datetime | None = None) -> bool:
    """Whether it is the code that was mailed to this address, which is proved then. A wrong one is counted.

    The caller has the tenant's settings locked. Raises `SenderDomainNotAllowed`, `NothingToProve` for an address that
    is proved, and `SenderCodeOver`; these count nothing.
    """
    at, wanted = at or timezone.now(), address_in_dns(address)
    if not is_allowed(tenant_id=tenant_id, address=wanted):
        raise SenderDomainNotAllowed
    asked = SenderCode.objects.last_of(tenant_id, wanted)
    if asked is not None and asked.proved_at is not None:
        raise NothingToProve
    if asked is None or not _is_open(asked, at):
        raise SenderCodeOver
    is_right = hmac.compare_digest(_digits(code), digits_of(asked))
    asked.tries += 1
    asked.proved_at = at if is_right else None
    asked.save(update_fields=["tries", "proved_at"])
    return is_right


def code_to_send(mail: Mail, at: datetime) -> SenderCode | None:
    """What a mail of ours is to bring now; None where another was asked for, it is over, or the domain withdrawn."""
    asked = SenderCode.objects.in_tenants([mail.tenant_id]).filter(id__in=[mail.subject_id]).first()
    if asked is None or not _is_open(asked, at) or not is_allowed(tenant_id=mail.tenant_id, address=asked.address):
        return None
    return asked if SenderCode.objects.last_of(mail.tenant_id, asked.address) == asked else None


def digits_of(code: SenderCode) -> str:
    """The code itself: the same each time, and nobody's to compute without our key."""
    text = f"ondi.notifications.sender_codes:{code.tenant_id}:{code.id}".encode()
    found = hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).digest()
    return f"{int.from_bytes(found) % 10**DIGITS:0{DIGITS}}"


def _is_open(code: SenderCode, at: datetime) -> bool:
    return code.tries < MOST_TRIES and at < code.asked_at + GOOD_FOR


def _digits(text: str) -> str:
    """What somebody typed, in whichever digits, with or without spaces."""
    return "".join(str(unicodedata.digit(letter, "")) for letter in text)
