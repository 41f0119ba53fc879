"""One call: where it goes, where it never goes, and what is recorded of each way it can fail."""

import contextlib
import datetime
import ssl
import time
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ondi.common.private_networks import parse_networks
from ondi.tenants.models import Tenant
from ondi.webhooks import sender
from ondi.webhooks.addresses import fault_of, networks_of
from ondi.webhooks.sender import Call, send
from tests.webhooks.world import Program, listening, refuse_to_resolve, running

LOOPBACK = (ip_network("127.0.0.0/8"),)
# Each leads to this machine, or into a private or reserved network, as one resolver or another understands it.
PRIVATE = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0177.0.0.01",
    "017700000001",
    "0x7f.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0", "0x0", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "192.168.257", "169.254.169.254", "0xa9fea9fe", "2852039166", "100.64.0.1", "192.0.0.1", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[fe80::1]",
    "[fec0::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[2001:db8::1]", "[2001:0:53aa:64c:0:0:80ff:fffe]",
    "[100::1]",
    "localhost", "a.localhost",
)  # fmt: skip


def call(url, resolver=refuse_to_resolve, networks=LOOPBACK, limit=5.0):
    return send(Call(url, {"content-type": "application/json"}, b"{}", networks, limit), resolver=resolver)


def test_forty_spellings_and_more():
    assert len(PRIVATE) >= 40


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_as_written(host):
    assert fault_of(f"https://{host}/hook", ()) == "not_allowed"


@pytest.mark.parametrize("host", [one for one in PRIVATE if "localhost" not in one])
def test_a_private_address_is_not_called_though_it_was_let_in(host):
    with listening() as (port, knocks):
        for suffix in ("", f":{port}", ":8443"):
            assert call(f"https://{host}{suffix}/hook", networks=()).error == "address_not_allowed"
        assert knocks == []


def addresses():
    """Those of them that a resolver may answer."""
    for host in PRIVATE:
        with contextlib.suppress(ValueError):
            yield str(ip_address(host.strip("[]")))


@pytest.mark.parametrize("address", list(addresses()))
def test_a_name_that_resolves_to_a_private_address_is_not_called(address):
    outcome = call("https://hooks.example/x", resolver=lambda *_name: [address], networks=())
    assert outcome.error == "address_not_allowed"


@pytest.mark.parametrize("found", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"]])
def test_one_private_address_among_others_spoils_a_name(found):
    with listening() as (port, knocks):
        assert call(f"https://hooks.example:{port}/", lambda *_name: found, ()).error == "address_not_allowed"
        assert call("https://hooks.example/", lambda *_name: found, ()).error == "address_not_allowed"
        assert knocks == []


def test_a_name_is_resolved_once_and_what_was_judged_is_called():
    """A name that turns to another address between check and connection: the second answer is never asked for."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    with running(program := Program()) as port:
        outcome = call(f"http://rebinding.test:{port}/", lambda *_name: answers.pop(0), (ip_network("127.0.0.1/32"),))
    assert outcome.status == 200
    assert answers == [["127.0.0.2"]]
    assert program.got[0][0]["host"] == f"rebinding.test:{port}"


def test_a_name_that_is_public_when_judged_is_called_there_and_nowhere_else(monkeypatch):
    called = []

    def note(address, timeout):
        called.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(sender.socket, "create_connection", note)
    outcome = call("https://hooks.example/", lambda *_name: ["8.8.8.8", "8.8.4.4"], ())
    assert called == ["8.8.8.8", "8.8.4.4"]
    assert outcome.error == "not_connected"


def test_a_network_is_open_to_what_lies_in_it_alone():
    other = (ip_network("10.0.0.0/8"),)
    with listening() as (port, knocks):
        assert call(f"http://127.0.0.1:{port}/", networks=other).error == "address_not_allowed"
        assert call(f"http://name.test:{port}/", lambda *_name: ["127.0.0.1"], other).error == "address_not_allowed"
        assert call(f"http://[::ffff:127.0.0.1]:{port}/", networks=other).error == "address_not_allowed"
        assert knocks == []


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://hooks.example:80/", "https://hooks.example:22/"])
def test_public_addresses_are_called_over_tls_at_two_ports(url):
    assert call(url, lambda *_name: ["8.8.8.8"], ()).error == "address_not_allowed"


def test_a_name_that_is_none_and_one_that_is_never_told():
    def missing(*_name):
        raise OSError

    assert call("https://hooks.example/", missing).error == "name_not_found"
    assert call("https://hooks.example/", lambda *_name: []).error == "name_not_found"
    began = time.monotonic()
    assert call("https://hooks.example/", lambda *_name: time.sleep(30), limit=0.3).error == "timed_out"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_what_is_refused(status):
    with running(Program(status=status)) as port:
        outcome = call(f"http://127.0.0.1:{port}/")
    assert (outcome.status, outcome.error) == (status, "refused")


def test_of_what_is_refused_only_the_beginning_counts():
    with running(Program(status=500, body=b"x" * (sender.MOST_READ + 1))) as port:
        outcome = call(f"http://127.0.0.1:{port}/")
    assert (outcome.status, outcome.error) == (500, "refused")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    with listening() as (elsewhere, knocks):
        location = f"http://127.0.0.1:{elsewhere}/"
        with running(Program(status=status, headers=[("Location", location)])) as port:
            outcome = call(f"http://127.0.0.1:{port}/")
        assert knocks == []
    assert (outcome.status, outcome.error) == (status, "redirected")


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with listening() as (proxy, knocks), running(Program()) as port:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert call(f"http://127.0.0.1:{port}/").status == 200
        assert knocks == []


def test_no_cookie_is_kept():
    with running(program := Program(headers=[("Set-Cookie", "a=b")])) as port:
        for _time in range(2):
            call(f"http://127.0.0.1:{port}/")
    assert all("cookie" not in headers for headers, _body in program.got)


def hang(_handler):
    time.sleep(5)


def drip_header(handler):
    for _piece in range(100):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n"[:1])
        time.sleep(0.05)


def drip_body(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _piece in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def endless(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while True:
        handler.wfile.write(b"x" * 65_536)


def endless_header(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"x" * 65_536)


def close_early(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def close_at_once(_handler):
    return


def garble(handler):
    handler.wfile.write(b"\x00\xff\xfe not HTTP at all\r\n\r\n")


@pytest.mark.parametrize(
    ("handle", "error"),
    [
        (hang, "timed_out"),
        (drip_header, "timed_out"),
        (drip_body, "timed_out"),
        (endless, "answer_too_long"),
        (endless_header, "bad_answer"),
        (close_early, "closed_early"),
        (close_at_once, "closed_early"),
        (garble, "bad_answer"),
    ],
)
def test_what_misbehaves_is_an_error_within_the_limit(handle, error):
    began = time.monotonic()
    with running(Program(handle=handle)) as port:
        outcome = call(f"http://127.0.0.1:{port}/", limit=0.5)
    assert outcome.error == error
    assert time.monotonic() - began < 2


def test_nobody_there():
    with listening() as (port, _knocks):
        pass
    assert call(f"http://127.0.0.1:{port}/").error == "not_connected"


def test_a_connection_that_says_nothing_over_tls_ends_in_time():
    began = time.monotonic()
    with listening() as (port, knocks):
        assert call(f"https://127.0.0.1:{port}/", limit=0.5).error == "timed_out"
        assert len(knocks) == 1
    assert time.monotonic() - began < 2


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """Makes certificates that are trusted here, by name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject, public, names=(), days=1, is_ca=False):
        built = (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(name).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )  # fmt: skip
        if names:
            built = built.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
            )
        return built.sign(key, hashes.SHA256())

    def pem(path, *parts):
        path.write_bytes(b"".join(parts))
        return str(path)

    root = certificate(name, key.public_key(), is_ca=True).public_bytes(serialization.Encoding.PEM)
    context = ssl.create_default_context(cafile=pem(tmp_path / "root.pem", root))
    monkeypatch.setattr(sender, "trust", lambda: context)

    def issue(*names, days=1):
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        cert = certificate(subject, own.public_key(), names, days).public_bytes(serialization.Encoding.PEM)
        return pem(tmp_path / f"{names[0]}{days}.crt", cert), pem(tmp_path / f"{names[0]}{days}.key", private)

    return issue


def test_tls_goes_by_the_name(authority):
    program = Program()
    with running(program, authority("hooks.example")) as port:
        assert call(f"https://hooks.example:{port}/a?b=c", lambda *_name: ["127.0.0.1"]).status == 200
        assert call(f"https://other.example:{port}/", lambda *_name: ["127.0.0.1"]).error == "tls_failed"
    with running(program, authority("hooks.example", days=-1)) as port:
        assert call(f"https://hooks.example:{port}/", lambda *_name: ["127.0.0.1"]).error == "tls_failed"
    assert len(program.got) == 1


def test_what_a_public_program_answers_is_kept(authority, monkeypatch):
    """The way to it leads here, as no other machine is called."""
    connect = sender.socket.create_connection
    with running(Program(body=b"thanks"), authority("hooks.example")) as port:
        monkeypatch.setattr(sender.socket, "create_connection", lambda *_where, timeout: connect(("127.0.0.1", port)))
        outcome = call("https://hooks.example/", lambda *_name: ["8.8.8.8"], ())
    assert (outcome.status, outcome.answer) == (200, "thanks")


def test_a_certificate_of_nobody_we_know(authority, monkeypatch):
    monkeypatch.setattr(sender, "trust", ssl.create_default_context)
    with running(program := Program(), authority("hooks.example")) as port:
        assert call(f"https://hooks.example:{port}/", lambda *_name: ["127.0.0.1"]).error == "tls_failed"
    assert program.got == []


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://hooks.example/x", ""),
        ("https://hooks.example:8443/x?y=z", ""),
        ("https://8.8.8.8/", ""),
        ("https://[2606:4700::1111]/", ""),
        ("https://[64:ff9b::8.8.8.8]/", ""),
        ("http://hooks.example/", "not_allowed"),
        ("http://hooks.example:443/", "not_allowed"),
        ("ftp://hooks.example/", "not_allowed"),
        ("file:///etc/passwd", "invalid"),
        ("javascript:alert(1)", "invalid"),
        ("https://user:pass@hooks.example/", "not_allowed"),
        ("https://user@hooks.example/", "not_allowed"),
        ("https://hooks.example/#x", "not_allowed"),
        ("https://hooks.example:22/", "not_allowed"),
        ("https://hooks.example:0/", "invalid"),
        ("https://hooks.example:99999/", "invalid"),
        ("https://hooks.example:x/", "invalid"),
        ("https:///x", "invalid"),
        ("https://", "invalid"),
        ("hooks.example", "invalid"),
        ("//hooks.example/x", "invalid"),
        (f"https://{'long.' * 51}example/", "invalid"),
        ("", "invalid"),
        ("https://hooks .example/", "invalid"),
        ("https://hooks.example\\@127.0.0.1/", "invalid"),
        ("https://①②⑦.0.0.1/", "invalid"),
        ("https://127。0。0。1/", "invalid"),
        ("https://-x.example/", "invalid"),
        ("https://a..b/", "invalid"),
        ("https://127.0.0.1./", "invalid"),
        ("https://[::1", "invalid"),
        ("https://[fe80::1%25eth0]/", "invalid"),
        ("https://1.2.3.4.5/", "invalid"),
        ("https://999.1.1.1/", "invalid"),
        ("https://%31%32%37.0.0.1/", "invalid"),
        ("https://hooks.example/\r\nx: y", "invalid"),
    ],
)
def test_addresses_as_written(url, fault):
    assert fault_of(url, ()) == fault


def test_addresses_in_an_open_network():
    assert fault_of("http://127.0.0.1:5000/", LOOPBACK) == ""
    assert fault_of("http://10.0.0.1:5000/", LOOPBACK) == "not_allowed"
    assert fault_of("http://inside.example:5000/", LOOPBACK) == ""
    assert fault_of("http://localhost:5000/", LOOPBACK) == ""
    assert fault_of("ftp://inside.example/", LOOPBACK) == "not_allowed"
    assert fault_of("https://user@127.0.0.1/", LOOPBACK) == "not_allowed"


def test_a_network_is_open_to_its_tenant_alone(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = parse_networks(["tigris=10.0.0.0/8", "other=127.0.0.0/8"])
    assert networks_of(Tenant(slug="tigris")) == [ip_network("10.0.0.0/8")]
    assert networks_of(Tenant(slug="nobody")) == []


def test_the_setting_of_networks():
    assert parse_networks(["tigris=10.0.0.0/8", "tigris=fd00::/8"]) == [
        ("tigris", ip_network("10.0.0.0/8")), ("tigris", ip_network("fd00::/8")),
    ]  # fmt: skip
