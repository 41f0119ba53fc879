"""The second factor of a login, as far as it can be lost or taken away."""

from django.db import transaction
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts.models import User


@transaction.atomic
def forget_second_factor(*, user: User) -> None:
    """Remove the person's devices and backup codes: they set up new ones at their next sign-in.

    Their sessions in the admin, which a device of theirs has opened, are no longer good.
    """
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
