"""Addresses made of addresses, for the settings."""

from urllib.parse import urlsplit


def next_port(url: str) -> str:
    """The same address on the port after the one it names; unchanged where it names none."""
    address, colon, port = url.rpartition(":")
    return f"{address}:{int(port) + 1}" if colon and port.isdigit() else url


def origin_of(url: str) -> str:
    """`https://support.example` of an address there; empty where it is none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
