"""Who is calling, as far as the connection tells."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The caller's network address.

    Behind N proxies of ours (`TRUSTED_PROXY_COUNT`) it is the N-th entry of `X-Forwarded-For` from the
    right: what stands left of it is the caller's own claim.
    """
    count = settings.TRUSTED_PROXY_COUNT
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if count and len(forwarded) >= count:
        return str(forwarded[-count])
    return str(request.META.get("REMOTE_ADDR") or "")
