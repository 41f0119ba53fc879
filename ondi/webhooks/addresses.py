"""Which addresses may be called: public ones, and those of networks that the operator opened to one tenant."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from ondi.common.private_networks import Network
from ondi.tenants.models import Tenant

Address = IPv4Address | IPv6Address
Networks = Sequence[Network]
PORTS = (443, 8443)
_URL = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAT64, _UNICAST = IPv6Network("64:ff9b::/96"), IPv6Network("2000::/3")


def networks_of(tenant: Tenant) -> Networks:
    """The private networks in which this tenant's programs may be called."""
    names = {tenant.slug, str(tenant.id)}
    return [network for name, network in settings.WEBHOOK_PRIVATE_NETWORKS if name in names]


def fault_of(url: str, networks: Networks) -> str:
    """What is wrong with an address as written, in a code of a field; empty where nothing is.

    Names are not resolved: they are judged each time they are called.
    """
    try:
        parts, host = _parted(url)
    except ValueError:
        return "invalid"
    is_open = bool(networks)
    if parts.scheme not in ("https", "http") or "@" in parts.netloc or "#" in url:
        return "not_allowed"
    if (address := literal(host)) is not None:
        is_open = is_within(address, networks)
        if not (is_open or is_public(address)):
            return "not_allowed"
    elif (host == "localhost" or host.endswith(".localhost")) and not is_open:
        return "not_allowed"
    return "" if is_open or (parts.scheme == "https" and port_of(parts) in PORTS) else "not_allowed"


def host_of(url: str) -> str:
    """The host of an address that has no fault."""
    return _parted(url)[1]


def _parted(url: str) -> tuple[SplitResult, str]:
    """Raises `ValueError` for what is no address of a host."""
    if not _URL.fullmatch(url) or "\\" in url:
        raise ValueError("no address")
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if not parts.scheme or port_of(parts) == 0 or "%" in host:
        raise ValueError("no address")
    if "[" in parts.netloc:
        IPv6Address(host)
    else:
        labels = host.split(".")
        if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            raise ValueError("no name of a host")
        if _NUMBER.fullmatch(labels[-1]) and literal(host) is None:
            raise ValueError("no address of a host")
    return parts, host


def port_of(parts: SplitResult) -> int:
    """Raises `ValueError` for a port that there is not."""
    return parts.port if parts.port is not None else {"http": 80}.get(parts.scheme, 443)


def literal(host: str) -> Address | None:
    """The address that a host is, in whatever spelling a resolver takes for one; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Whether it is one of the internet, and so is what it stands for."""
    address = _unwrapped(address)
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast


def is_within(address: Address, networks: Networks) -> bool:
    """Whether it lies in one of these networks."""
    address = _unwrapped(address)
    return any(address in network for network in networks)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address in it, where it is one in disguise."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
