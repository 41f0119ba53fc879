"""Who is calling, behind proxies that tell it in their own ways."""

import pytest
from django.test import RequestFactory

from ondi.api.client import UNKNOWN, client_address, client_network

PEER = "198.51.100.7"


def request(forwarded=None, peer=PEER):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("203.0.113.9:", "203.0.113.9"),
        ('"203.0.113.9:51234"', "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:8080", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:1", "203.0.113.9"),
        ("unknown", UNKNOWN),
        ("unix:", UNKNOWN),
        ("_hidden", UNKNOWN),
        ("", UNKNOWN),
        ("203.0.113.9 51234", UNKNOWN),
        ("203.0.113.09", UNKNOWN),
        ("203.0.113", UNKNOWN),
        ("[2001:db8::1", UNKNOWN),
        ("[]:443", UNKNOWN),
        ("2001:db8::1::2", UNKNOWN),
        ("٢٠٣.0.113.9", UNKNOWN),
        ("x" * 5000, UNKNOWN),
        ("\ud800\x00", UNKNOWN),
    ],
)
def test_what_a_proxy_says(settings, entry, address):
    settings.TRUSTED_PROXY_COUNT = 1

    assert client_address(request(f"10.0.0.1, {entry}")) == address


@pytest.mark.parametrize(
    ("count", "forwarded", "address"),
    [
        (0, "203.0.113.9", PEER),
        (1, None, PEER),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", PEER),
        (1, "6.6.6.6,", UNKNOWN),  # what the proxy did not know is not taken from the caller
        (1, "6.6.6.6, , ", UNKNOWN),
    ],
)
def test_entries_are_counted_from_the_right(settings, count, forwarded, address):
    settings.TRUSTED_PROXY_COUNT = count

    assert client_address(request(forwarded)) == address


@pytest.mark.parametrize("peer", ["", "unix:", "@", None])
def test_a_peer_without_address_is_the_unknown_one(peer):
    assert client_address(request(peer=peer)) == UNKNOWN


def test_of_ipv6_the_64_is_counted():
    assert client_network(request(peer="2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64"
    assert client_network(request(peer=PEER)) == PEER
    assert client_network(request(peer="::ffff:203.0.113.9")) == "203.0.113.9"
    assert client_network(request(peer="")) == UNKNOWN
