"""Whose sessions of the admin are in force, as the stream asks: for all its pages at once."""

from collections.abc import Collection, Iterable

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts.models import User
from ondi.staff.entry import Staff, staff_of
from ondi.staff.session_limits import is_over
from ondi.streaming.rule import Reader, Sitting


@transaction.atomic
def sittings(keys: Collection[str]) -> dict[str, Sitting]:
    """As a request of theirs would be let in: session, password, second factor and rights are all still there."""
    now = timezone.now()
    found = Session.objects.filter(session_key__in=keys, expire_date__gt=now)
    sessions = {one.session_key: one.get_decoded() for one in found}
    logins = [said[SESSION_KEY] for said in sessions.values() if SESSION_KEY in said]
    users = {str(user.id): user for user in User.objects.filter(id__in=logins)}
    devices = _devices_of(users.values())
    staff = {key: staff_of(user) for key, user in users.items()}
    good = {}
    for key, said in sessions.items():
        user = users.get(said.get(SESSION_KEY, ""))
        theirs = staff.get(said.get(SESSION_KEY, ""))
        if user is None or theirs is None or is_over(said, now.timestamp()) or not _is_of(user, said):
            continue
        if settings.STAFF_SECOND_FACTOR and (str(user.id), said.get(DEVICE_ID_SESSION_KEY)) not in devices:
            continue
        good[key] = Sitting(user.id, readers_of(theirs))
    return good


def readers_of(staff: Staff) -> tuple[Reader, ...]:
    """In each tenant whose tickets they see."""
    return tuple(
        Reader(actor.tenant_id, actor.membership_id, is_support_user=True)
        for actor in staff.actors
        if actor.tenant_id in staff.support_tenant_ids
    )


def _devices_of(users: Iterable[User]) -> set[tuple[str, str]]:
    owners = list(users)
    return {
        (str(device.user_id), device.persistent_id)
        for kind in (TOTPDevice, StaticDevice)
        for device in kind.objects.filter(user__in=owners, confirmed=True)
    }


def _is_of(user: User, said: dict[str, str]) -> bool:
    """Whether the session began with the password that counts now."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(said.get(HASH_SESSION_KEY, ""), one) for one in hashes)
