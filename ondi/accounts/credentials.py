"""E-mail and password: whose they are, and a new password for the right one.

No transaction and no connection is held while a password is hashed (`hashing`).
"""

from uuid import UUID

from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password, verify_password
from django.core.exceptions import ValidationError
from django.db import transaction

from ondi.accounts.actors import Actor
from ondi.accounts.attempts import count_attempt, limits_of
from ondi.accounts.errors import InvalidCredentials, SignInThrottled
from ondi.accounts.hashing import give_back_connection, hash_of, line
from ondi.accounts.models import User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.sessions import put_password
from ondi.common.errors import DomainError, InvalidInput, ServiceUnavailable
from ondi.common.text import is_storable


def check_credentials(*, network: str, email: str, password: str) -> User | DomainError:
    """Whose e-mail and password these are, for API and admin.

    Or why not: `InvalidCredentials`, `SignInThrottled`, and `ServiceUnavailable` where too many wait for their
    turn to be hashed. A refusal is returned, not raised. Each attempt is counted as failed before it is looked at,
    and taken back when it is right. Unknown, disabled and wrong take the same work.
    """
    email = normalize_email(email) or ""
    limits = limits_of(network=network, email=email)
    if isinstance(limits, SignInThrottled):
        return limits
    give_back_connection()  # before the wait as well: those in the line are more than the pool has
    try:
        with line.turn(network):
            attempt = count_attempt(limits)
            if isinstance(attempt, SignInThrottled):
                return attempt
            user = User.objects.filter(email=email).first() if is_storable(email) else None
            give_back_connection()
            is_right = _is_right(user, password)
    except (SignInThrottled, ServiceUnavailable) as refusal:
        return refusal
    if user is None or not is_right or not user.is_active:
        return InvalidCredentials()
    attempt.forgive()
    return user


def change_password(*, actor: Actor, session_id: UUID, current_password: str, new_password: str, network: str) -> None:
    """Change the actor's password and end every other session of theirs, in all their tenants.

    A wrong current password counts as a failed sign-in. Locks the login. Raises `InvalidInput` on the field at
    fault, `SignInThrottled` and `ServiceUnavailable`.
    """
    found = check_credentials(network=network, email=actor.email or "", password=current_password)
    if isinstance(found, InvalidCredentials) or (isinstance(found, User) and found.id != actor.user_id):
        raise InvalidInput({"current_password": ["invalid"]})
    if isinstance(found, DomainError):
        raise found
    try:
        password_validation.validate_password(new_password, found)
    except ValidationError as error:
        raise InvalidInput({"new_password": ["invalid"]}) from error
    if not replace_password(user=found, new_password=new_password, but=session_id):
        raise InvalidInput({"current_password": ["invalid"]})  # another one was quicker


def replace_password(*, user: User, new_password: str, but: UUID | None = None) -> bool:
    """Another password for this login, and an end to its sessions `but` one of the API; the hash before any lock.

    Locks the login. False, and nothing changes, where its password is no longer the one that was read.
    """
    hashed = hash_of(new_password)
    with transaction.atomic():
        current = User.objects.select_for_update().get(id=user.id)
        if current.password != user.password:
            return False
        put_password(user=current, hashed=hashed, but=but)
    user.password = hashed
    return True


def _is_right(user: User | None, password: str) -> bool:
    """One hash for everybody. A hash of former settings is brought up to date, unless it was replaced meanwhile."""
    kept = user.password if user is not None else make_password(None)
    is_right, is_old = verify_password(password, kept)
    if user is not None and is_right and is_old:
        fresh = make_password(password)
        if User.objects.filter(id=user.id, password=kept).update(password=fresh):
            user.password = fresh
    return is_right
