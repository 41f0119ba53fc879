"""The setting that opens networks to tenants."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ImproperlyConfigured

Network = IPv4Network | IPv6Network


def parse_networks(pairs: Sequence[str]) -> list[tuple[str, Network]]:
    """`tenant=network` pairs. Raises `ImproperlyConfigured` for anything else."""
    found = []
    for pair in pairs:
        name, _is, network = pair.partition("=")
        try:
            found.append((name.strip(), ip_network(network.strip())))
        except ValueError as error:
            raise ImproperlyConfigured(f"WEBHOOK_PRIVATE_NETWORKS: {pair!r} is no tenant=network.") from error
    return found
