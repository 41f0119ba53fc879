"""One address of a mail server or provider, as Django's settings of it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ

SMTP = "smtp"


def mail_settings(url: str) -> dict[str, Any]:
    """Django's settings of `EMAIL_URL`: `smtp+tls://user:password@host:587`, or a provider anymail knows.

    A provider is `postmark://?server_token=...`: its name, and anymail's settings of it without that name.
    """
    scheme, query = urlsplit(url).scheme, urlsplit(url).query
    if scheme.startswith(SMTP):
        return {"ANYMAIL": {}, **environ.Env.email_url_config(url)}
    provider = scheme.replace("-", "_")
    said = {f"{provider}_{name}".upper(): value for name, value in parse_qsl(query)}
    # What calls come in by stands for all providers.
    if secret := said.pop(f"{provider}_WEBHOOK_SECRET".upper(), None):
        said["WEBHOOK_SECRET"] = secret
    return {"EMAIL_BACKEND": f"anymail.backends.{provider}.EmailBackend", "ANYMAIL": said}
