"""Inviting people: a link, good once and for three days, by which somebody sets their first password."""

from uuid import UUID

from django.contrib.auth import password_validation
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction

from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import InvitationInvalid
from ondi.accounts.models import Membership, User
from ondi.accounts.sessions import set_password
from ondi.common.errors import InvalidInput


def invitation_token(membership: Membership) -> str | None:
    """The secret of an invitation to this person, None where there is nothing to invite them to.

    Somebody who has a password uses that; who has no e-mail cannot sign in. Setting the password makes it
    worthless, and so does a new e-mail.
    """
    user = membership.user
    if user.email is None or not user.is_active or user.has_usable_password() or membership.ended_at is not None:
        return None
    return default_token_generator.make_token(user)


def may_be_shown(membership: Membership) -> bool:
    """Whether the inviting tenant may see the link, or only the person's mailbox.

    A login that other tenants let in as well is not this one's to open.
    """
    return [tenant["id"] for tenant in tenants_of(membership.user_id)] == [membership.tenant_id]


def invited_user(*, user_id: UUID, token: str) -> User:
    """Whom this invitation is for. Raises `InvitationInvalid` for one that is spent, forged or too old."""
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, token):
        raise InvitationInvalid
    return user


@transaction.atomic
def accept_invitation(*, user_id: UUID, token: str, password: str) -> User:
    """Set the first password. Locks the login, so that of two at once one wins.

    Raises `InvitationInvalid`, and `InvalidInput` for a password that is too weak.
    """
    User.objects.select_for_update().filter(id=user_id).first()
    user = invited_user(user_id=user_id, token=token)
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput({"password": ["invalid"]}) from error
    set_password(user=user, new_password=password)
    return user
