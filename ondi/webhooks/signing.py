"""Signatures as Standard Webhooks describes them (standard-webhooks/standard-webhooks, spec/standard-webhooks.md)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from ondi.webhooks.secrets import PREFIX


def signature_headers(secrets: Iterable[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
