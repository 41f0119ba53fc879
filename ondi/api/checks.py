"""What `check --deploy` warns of beside Django's own: settings that fit, but not each other."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Warned
from django.http.request import validate_host

from ondi.common.origins import origin_of


@register(deploy=True)
def settings_fit(**_options: Any) -> Sequence[CheckMessage]:
    return list(_warnings())


def _warnings() -> Iterator[CheckMessage]:
    if not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Warned("The static files are not collected: run manage.py collectstatic.", id="ondi.W001")
    if not settings.PUBLIC_URL:
        yield Warned("PUBLIC_URL is not set: links in mails lead nowhere.", id="ondi.W002")
        return
    address = urlsplit(settings.PUBLIC_URL)
    if not validate_host(address.hostname or "", settings.ALLOWED_HOSTS):
        text = f"ALLOWED_HOSTS does not have {address.hostname}, the host of PUBLIC_URL: every request gets a 400."
        yield Warned(text, id="ondi.W003")
    is_told = settings.TRUSTED_PROXY_COUNT or origin_of(settings.PUBLIC_URL) in settings.CSRF_TRUSTED_ORIGINS
    if address.scheme == "https" and not is_told:
        yield Warned(
            "PUBLIC_URL is https, and nothing says that requests came by it: every form of the admin is refused. Set "
            "TRUSTED_PROXY_COUNT to the number of your proxies, or CSRF_TRUSTED_ORIGINS to PUBLIC_URL.",
            id="ondi.W004",
        )
