"""Staff at the admin, signed in with both factors."""

from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from support.settings.admin import _parts
from support.settings.portal import SETTINGS


def workbench(user) -> Client:
    """A browser in which this person has given password and second factor."""
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    device, _new = TOTPDevice.objects.get_or_create(user=user, confirmed=True)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    return client


def form_of(portal, *names):
    """What the form of a tenant's portal settings sends."""
    sent = {}
    for name in names or SETTINGS:
        value = getattr(portal, name)
        if parts := _parts(name, SETTINGS[name]):
            sent |= {field: value.get(part, "") for field, part in parts.items()}
        elif value is not False:  # a box without a tick is not sent
            sent[name] = "on" if value is True else value
    return sent
