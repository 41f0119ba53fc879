"""The keys everything signed hangs on: the server does not start with missing or weak ones."""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SHORTEST = 32
FEWEST_DIFFERENT_CHARACTERS = 10
BYTES = 48  # of a new one
NAMES = ("SECRET_KEY", "JWT_SIGNING_KEY", "WEBHOOK_SECRETS_KEY", "FILES_SIGNING_KEY")


def new_keys() -> str:
    """Random keys for a new installation, as lines of an environment file. Changes nothing, and needs no settings."""
    return "".join(f"{name}={secrets.token_urlsafe(BYTES)}\n" for name in NAMES)


def refuse_weak_keys() -> None:
    """Raises `ImproperlyConfigured` with the reason; in development (`DEBUG`) anything goes."""
    if settings.DEBUG:
        return
    seen: dict[str, str] = {}
    for name, key in _keys():
        if not key:
            raise ImproperlyConfigured(f"{name} must be set: at least {SHORTEST} random characters.")
        if len(key) < SHORTEST or len(set(key)) < FEWEST_DIFFERENT_CHARACTERS:
            raise ImproperlyConfigured(f"{name} is too weak: it must be at least {SHORTEST} random characters.")
        if "insecure" in key:
            raise ImproperlyConfigured(f"{name} is the development key, which everybody knows.")
        if key in seen:
            raise ImproperlyConfigured(f"{name} must not be the same as {seen[key]}.")
        seen[key] = name


def _keys() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        yield name, getattr(settings, name)
    for name in (
        "SECRET_KEY_FALLBACKS", "JWT_VERIFICATION_KEYS", "WEBHOOK_SECRETS_KEY_FALLBACKS", "FILES_SIGNING_KEY_FALLBACKS",
    ):  # fmt: skip
        for position, key in enumerate(getattr(settings, name), start=1):
            yield f"{name}, number {position},", key
