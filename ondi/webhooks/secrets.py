"""Secrets of webhooks: made, and kept under a key from the environment."""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

PREFIX, BYTES = "whsec_", 32


def new_secret() -> str:
    """As Standard Webhooks writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def sealed(text: str) -> str:
    """What is kept of a secret: only who has the key reads it."""
    return _vault().encrypt(text.encode()).decode()


def opened(kept: str) -> str:
    """The secret again. Raises `cryptography.fernet.InvalidToken` where it was sealed under a key we do not have."""
    return _vault().decrypt(kept).decode()


def _vault() -> MultiFernet:
    """Seals with the first key, opens with each."""
    keys = (settings.WEBHOOK_SECRETS_KEY, *settings.WEBHOOK_SECRETS_KEY_FALLBACKS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])
