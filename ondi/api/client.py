"""Who is calling, as far as the connection tells."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"  # all of them count as one caller
_BRACKETED = re.compile(r"\[([^]]*)\](?::\d*)?")
_WITH_PORT = re.compile(r"([^:]*):\d*")


def client_address(request: HttpRequest) -> str:
    """The caller's network address in its one spelling; `UNKNOWN` where what we are told is none.

    Behind N proxies of ours (`TRUSTED_PROXY_COUNT`) it is the N-th entry of `X-Forwarded-For` from the
    right: what stands left of it is the caller's own claim.
    """
    address = _address_of(request)
    return UNKNOWN if address is None else str(address)


def client_network(request: HttpRequest) -> str:
    """Whom to count: an IPv4 address, or of IPv6 the /64, which is what one customer of a provider has."""
    address = _address_of(request)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return UNKNOWN if address is None else str(address)


def _address_of(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    count = settings.TRUSTED_PROXY_COUNT
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    if count and len(forwarded) >= count and forwarded != [""]:
        return _parsed(forwarded[-count])
    return _parsed(request.META.get("REMOTE_ADDR") or "")


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """`203.0.113.9`, `203.0.113.9:51234`, `2001:db8::1`, `[2001:db8::1]:443`, with a zone or in quotes; else None."""
    text = text.strip().strip('"')
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((found[1] if found else text).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
