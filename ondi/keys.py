"""The keys everything signed hangs on: the server does not start with missing or weak ones."""

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SHORTEST = 32
FEWEST_DIFFERENT_CHARACTERS = 10


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
    yield "SECRET_KEY", settings.SECRET_KEY
    yield "JWT_SIGNING_KEY", settings.JWT_SIGNING_KEY
    yield "WEBHOOK_SECRETS_KEY", settings.WEBHOOK_SECRETS_KEY
    yield "FILES_SIGNING_KEY", settings.FILES_SIGNING_KEY
    for name in (
        "SECRET_KEY_FALLBACKS", "JWT_VERIFICATION_KEYS", "WEBHOOK_SECRETS_KEY_FALLBACKS", "FILES_SIGNING_KEY_FALLBACKS",
    ):  # fmt: skip
        for position, key in enumerate(getattr(settings, name), start=1):
            yield f"{name}, number {position},", key
