"""Secret links: who opens one sets the password of a login.

A link is *shown* to the admin who invites, or *mailed* to the address and shown to nobody, unasked or as a *reset* to
somebody who forgot their password: what is mailed proves that the address is its reader's. Each kind is signed for
itself, so that none passes for another. What a link was made for stands in it as a digest (`state`): it is worthless
once password, address or login are others.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.core import signing

from ondi.accounts.errors import InvitationInvalid
from ondi.accounts.models import Membership, User
from ondi.common.ids import parse_id

LONGEST_LINK = 1024
RESET_LIFETIME = timedelta(hours=1)


class Purpose(StrEnum):
    SHOWN = "shown"
    MAILED = "mailed"
    RESET = "reset"

    @property
    def good_for(self) -> timedelta:
        return RESET_LIFETIME if self is Purpose.RESET else timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)

    @property
    def proves(self) -> bool:
        """Whether who opens it reads the mailbox of the address."""
        return self is not Purpose.SHOWN


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: which person of which tenant it is for, and what they were when it was made.

    Without a tenant it is for a login, wherever that is let in.
    """

    purpose: Purpose
    tenant_id: UUID | None
    subject_id: UUID
    state: str


def make_link(purpose: Purpose, membership: Membership) -> str:
    """The secret part of a link, good in an address. Needs the tenant in scope."""
    parts = [str(membership.tenant_id), str(membership.id), state_of(purpose, membership, membership.user)]
    return signing.dumps(parts, salt=_salt(purpose))


def make_login_link(login: User) -> str:
    """The secret part of a link by which somebody who signs in already sets another password."""
    return signing.dumps(["", str(login.id), state_of_login(login)], salt=_salt(Purpose.RESET))


def read_link(text: str, purposes: Iterable[Purpose] = Purpose) -> Link:
    """What a link says, if it is one of ours, of these kinds, and not too old; else raises `InvitationInvalid`."""
    for purpose in purposes:
        try:
            tenant, subject, state = signing.loads(text[:LONGEST_LINK], salt=_salt(purpose), max_age=purpose.good_for)
        except signing.BadSignature:
            continue
        tenant_id, subject_id = parse_id(tenant), parse_id(subject)
        if subject_id is not None:
            return Link(purpose, tenant_id, subject_id, state)
    raise InvitationInvalid


def state_of(purpose: Purpose, membership: Membership, own: User) -> str:
    """A digest of all that must still be so when a link is used. `own`: the person's login.

    Of a mailed link also when its address was last proved, by whichever login: of several that lie in a mailbox
    the first that is used makes the others worthless.
    """
    parts = [own.id, own.password, own.email, membership.email]
    if purpose.proves:
        proved = User.objects.filter(email=membership.email).values_list("email_proved_at", flat=True).first()
        parts.append(proved.isoformat() if proved else None)
    return _digest(*parts)


def state_of_login(login: User) -> str:
    """The same of a link for a login."""
    proved = login.email_proved_at
    return _digest(login.id, login.password, login.email, proved.isoformat() if proved else None)


def _digest(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def _salt(purpose: Purpose) -> str:
    return f"ondi.accounts.links.{purpose}"
