"""Inviting people: a link, good once and for three days, by which somebody sets a password and can sign in.

A person a tenant added or imported waits (`Membership.waits`): nobody signs in as them. What ends it is a link,
shown to the inviting admin or mailed (`links`). A shown one only gives a name to a login of this tenant's own,
and is good while nobody else signs in with the address. A mailed one proves the address; where somebody signs
in with it already, the two become one, and the person who set the former password is out. A second factor set up
before the address was proved goes then too, for it may be anybody's; one that was set up since is its owner's, and a
mailbox alone is not to take it away.

A link for somebody who forgot their password (`forgotten`) does the same for who waits; for who signs in already it
only sets another password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ondi.accounts.errors import InvitationInvalid
from ondi.accounts.hashing import hash_of
from ondi.accounts.links import Link, Purpose, make_link, read_link, state_of, state_of_login
from ondi.accounts.models import Membership, User
from ondi.accounts.second_factor import forget_second_factor
from ondi.accounts.sessions import put_password
from ondi.common.errors import InvalidInput
from ondi.tenants.scope import tenant_scope


@dataclass(frozen=True, slots=True)
class Invitation:
    """The secrets of one person's links. `shown` is None where only the mailbox may see one."""

    mailed: str
    shown: str | None


def invitation_for(membership: Membership) -> Invitation | None:
    """Links for this person, None where there is nothing to invite them to. Needs the tenant in scope.

    Who signs in already uses the password they have; who has no address, or left, gets none.
    """
    if not may_be_invited(membership, membership.user):
        return None
    is_free = not User.objects.filter(email=membership.email).exists()
    return Invitation(
        mailed=make_link(Purpose.MAILED, membership),
        shown=make_link(Purpose.SHOWN, membership) if is_free else None,
    )


def invited_address(*, token: str, purposes: Iterable[Purpose] = Purpose) -> str:
    """The address this link is for. Raises `InvitationInvalid` for one that is spent, forged or too old."""
    link = read_link(token, purposes)
    if link.tenant_id is None:
        return _checked_login(link, User.objects.filter(id=link.subject_id).first())
    with tenant_scope(link.tenant_id):
        membership = Membership.objects.in_tenants([link.tenant_id]).filter(id=link.subject_id).for_list().first()
        if membership is None:
            raise InvitationInvalid
        holder = User.objects.filter(email=membership.email).first()
        return _checked(link, membership, membership.user, holder)


def accept_invitation(*, token: str, password: str, purposes: Iterable[Purpose] = Purpose) -> User:
    """Set the password by a link of one of these kinds; whose login it is now.

    Locks the logins concerned and then the membership, so that of two at once one wins. Raises
    `InvitationInvalid`, and `InvalidInput` for a password that is too weak.
    """
    address = invited_address(token=token, purposes=purposes)
    try:
        password_validation.validate_password(password, User(email=address))
    except ValidationError as error:
        raise InvalidInput({"password": ["invalid"]}) from error
    hashed, link = hash_of(password), read_link(token, purposes)
    return _reset(link, hashed) if link.tenant_id is None else _redeem(link, link.tenant_id, hashed)


def may_be_invited(membership: Membership, own: User) -> bool:
    """Whether this person waits for a link, and one could reach them."""
    return own.email is None and own.is_active and membership.email is not None and membership.is_active


def _checked(link: Link, membership: Membership, own: User, holder: User | None) -> str:
    """The address of a link that is good now, else raises `InvitationInvalid`. `holder`: who signs in with it.

    A platform operator is nobody a tenant's link leads to, nor is somebody who was switched off.
    """
    if not may_be_invited(membership, own) or link.state != state_of(link.purpose, membership, own):
        raise InvitationInvalid
    if holder is not None and (not link.purpose.proves or holder.is_superuser or not holder.is_active):
        raise InvitationInvalid
    return str(membership.email)


def _checked_login(link: Link, login: User | None) -> str:
    if login is None or login.email is None or not login.is_active or login.is_superuser:
        raise InvitationInvalid
    if link.state != state_of_login(login):
        raise InvitationInvalid
    return login.email


@transaction.atomic
def _reset(link: Link, hashed: str) -> User:
    """Another password for somebody who signs in already. A second factor stays: it is what a mailbox is not."""
    login = User.objects.select_for_update().filter(id=link.subject_id).first()
    _checked_login(link, login)
    assert login is not None
    _prove(login, hashed)
    return login


@transaction.atomic
def _redeem(link: Link, tenant_id: UUID, hashed: str) -> User:
    with tenant_scope(tenant_id):
        people = Membership.objects.in_tenants([tenant_id]).filter(id=link.subject_id)
        seen = people.first()
        if seen is None:
            raise InvitationInvalid
        concerned = User.objects.select_for_update().filter(Q(id=seen.user_id) | Q(email=seen.email))
        logins = {login.id: login for login in concerned.order_by("pk")}
        membership = people.locked().first()
        if membership is None or (membership.user_id, membership.email) != (seen.user_id, seen.email):
            raise InvitationInvalid
        own = logins.pop(membership.user_id)
        holder = next(iter(logins.values()), None)
        address = _checked(link, membership, own, holder)
        if holder is None and not _name(own, address, proved=link.purpose.proves):
            if not link.purpose.proves:
                raise InvitationInvalid  # somebody was quicker
            holder = User.objects.select_for_update().filter(email=address).first()
            if holder is None:
                raise InvitationInvalid
            _checked(link, membership, own, holder)
        if holder is None:
            put_password(user=own, hashed=hashed)
            return own
        if holder.email_proved_at is None:
            forget_second_factor(user=holder)
        _prove(holder, hashed)
        _join(membership, own, holder)
        return holder


def _name(login: User, address: str, *, proved: bool) -> bool:
    """Let this login be signed in to with the address; False where another one took it meanwhile."""
    login.email, login.email_proved_at = address, timezone.now() if proved else None
    try:
        with transaction.atomic():
            login.save(update_fields=["email", "email_proved_at"])
    except IntegrityError:
        login.email = login.email_proved_at = None
        return False
    return True


def _prove(login: User, hashed: str) -> None:
    """The login is now theirs who read the mail: another password, and what others had opened is closed."""
    login.email_proved_at = timezone.now()
    login.save(update_fields=["email_proved_at"])
    put_password(user=login, hashed=hashed)


def _join(membership: Membership, own: User, holder: User) -> None:
    """Let this login in as this person, and remove the one that only waited. Raises `InvitationInvalid`."""
    if Membership.objects.in_tenants([membership.tenant_id]).filter(user=holder).exists():
        raise InvitationInvalid
    membership.user = holder
    membership.save(update_fields=["user"])
    own.delete()
