"""Links at the door: what each request of a client gets, and what stays behind of one that breaks off."""

import asyncio
import errno
import http.client
import json
import os
import random
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.db import connections

from ondi.accounts.models import Membership
from ondi.api.asgi import Request
from ondi.common.errors import InvalidInput
from ondi.files import serving
from ondi.files.backends import files_storage
from ondi.files.checking import check_due
from ondi.files.links import THUMBNAIL, UPLOAD, VIEW, FileReader, Link
from ondi.files.models import INCOMING
from ondi.files.serving import AT_ONCE, FileServer
from ondi.files.storage import TEMPORARIES, store
from ondi.tenants.scope import tenant_scope
from tests.factories import MemberFactory, make_file
from tests.files.conftest import in_bucket
from tests.files.links import Answer, Wire, follow, put
from tests.files.test_api import FILES, TEXT, announced, ready
from tests.reliability.product import resident, wait_until
from tests.streaming.clients import server

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "https://portal.example"
LARGE = random.Random(17).randbytes(10 * 1_024 * 1_024)


@pytest.fixture(scope="module")
def running(django_db_setup):
    with server() as running:
        yield running


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


@pytest.fixture
def link(portal):
    """To read a text."""
    key = ready(portal)
    return portal.get(f"{FILES}/{key}").json()["data"]["attachment"]["download_url"]


def left_behind(tenant_id):
    """What lies where uploads come."""
    root = store().path("x").parent
    places = (root / TEMPORARIES, root / INCOMING / str(tenant_id))
    return [path for place in places if place.exists() for path in place.iterdir()]


@pytest.fixture
def nothing_left(tenant):
    before = set(left_behind(tenant.id))
    return lambda: set(left_behind(tenant.id)) == before


# Reading


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-0", 206, TEXT[:1]),
        ("bytes=3-5", 206, TEXT[3:6]),
        ("bytes=3-", 206, TEXT[3:]),
        ("bytes=3-9999", 206, TEXT[3:]),
        ("bytes=-2", 206, TEXT[-2:]),
        ("bytes=-9999", 206, TEXT),
        ("BYTES=1-2", 206, TEXT[1:3]),
        ("bytes=9999-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=5-3", 200, TEXT),
        ("bytes=1-2,4-5", 200, TEXT),
        ("bytes=", 200, TEXT),
        ("bytes=-", 200, TEXT),
        ("bytes=x-5", 200, TEXT),
        ("bytes=--5", 200, TEXT),
        ("bytes=٣-٥", 200, TEXT),
        ("bytes=" + "9" * 40 + "-", 200, TEXT),
        ("lines=1-2", 200, TEXT),
    ],
)
def test_a_range_is_given_or_the_whole(link, asked, status, body):
    answer = follow(link, range=asked.encode().decode("latin-1"))

    assert (answer.status, answer.body) == (status, body)
    if status == 206:
        assert answer.headers["content-length"] == str(len(body))
        assert re.fullmatch(rf"bytes \d+-\d+/{len(TEXT)}", answer.headers["content-range"])
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(TEXT)}"
        assert answer.headers["cache-control"] == "no-store"


def test_what_is_kept_already_is_not_sent_again(link):
    whole = follow(link)
    etag = whole.headers["etag"]

    for said in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = follow(link, if_none_match=said)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert follow(link, if_none_match='"other"').status == 200
    assert follow(link, if_none_match=etag[1:-1]).status == 200
    assert follow(link, range="bytes=1-2", if_range=etag).status == 206
    assert follow(link, range="bytes=1-2", if_range='"other"').status == 200
    assert follow(link, range="bytes=1-2", if_range="Fri, 27 Nov 2026 14:00:00 GMT").status == 200


def test_head_says_of_a_file_what_get_says(link):
    got, said = follow(link), follow(link, "HEAD", range="bytes=1-2")

    assert (said.status, said.body) == (200, b"")
    assert said.headers | {"x-request-id": ""} == got.headers | {"x-request-id": ""}


def test_a_file_says_how_it_is_kept_and_does_nothing_by_itself(link):
    headers = follow(link).headers

    assert headers | {"x-request-id": "", "etag": ""} == {
        "cache-control": "private, max-age=3600, immutable", "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'", "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer", "accept-ranges": "bytes", "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(TEXT)), "content-disposition": headers["content-disposition"], "vary": "origin",
        "x-request-id": "", "etag": "",
    }  # fmt: skip
    assert headers["content-disposition"].startswith("attachment")


def test_pages_of_known_origins_may_read_and_send_and_no_others(portal, link, settings):
    settings.STREAM_ORIGINS = [ORIGIN]
    upload = announced(portal)["upload"]["url"]

    answer = follow(upload, "OPTIONS", origin=ORIGIN, access_control_request_method="PUT")
    asked = answer.headers
    assert answer.status == 200
    assert asked["access-control-allow-origin"] == ORIGIN
    assert "PUT" in asked["access-control-allow-methods"].split(", ")
    assert "content-type" in asked["access-control-allow-headers"].lower()
    assert follow(link, origin=ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", ORIGIN.upper()):
        for address, method in ((upload, "OPTIONS"), (link, "GET")):
            headers = follow(address, method, origin=origin).headers
            assert "access-control-allow-origin" not in headers
            assert headers["vary"] == "origin"


def test_each_link_has_its_method(portal, link):
    upload = announced(portal)["upload"]["url"]

    for address, methods in ((link, ("PUT", "POST", "DELETE", "PATCH")), (upload, ("GET", "HEAD", "POST", "DELETE"))):
        for method in methods:
            answer = follow(address, method)
            assert answer.status == 405, (address, method)
            if method != "HEAD":
                assert answer.json()["error"] == "method_not_allowed"


# Sending


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"content_length": None}, 411, None),
        ({"content_length": "x"}, 411, None),
        ({"content_length": "-1"}, 411, None),
        ({"content_length": "٣"}, 411, None),
        ({"content_length": None, "transfer_encoding": "chunked"}, 411, None),
        ({"content_length": str(len(TEXT) - 1)}, 400, "Content-Length"),
        ({"content_length": str(len(TEXT) + 1)}, 400, "Content-Length"),
        ({"content_length": "26214401"}, 400, "Content-Length"),
        ({"content_type": "text/html"}, 400, "Content-Type"),
        ({"content_type": ""}, 400, "Content-Type"),
        ({"content_type": None}, 400, "Content-Type"),
    ],
)
def test_another_length_or_type_than_announced_is_refused(portal, nothing_left, headers, status, field):
    upload = announced(portal)["upload"]
    headers = {k: v.encode().decode("latin-1") if v else v for k, v in headers.items()}

    answer = put(upload, TEXT, **headers)

    assert answer.status == status
    if field:
        assert list(answer.json()["data"]["fields"]) == [field]
    assert nothing_left()
    assert put(upload, TEXT).status == 200


@pytest.mark.parametrize("pieces", [[TEXT, b"x"], [TEXT[:-1]], [b""], [b"", TEXT, b"x" * 70_000]])
def test_more_or_less_than_was_said_is_refused(portal, nothing_left, pieces):
    upload = announced(portal)["upload"]

    answer = follow(
        upload["url"], "PUT", pieces=pieces, content_type="text/plain", content_length=str(len(TEXT))
    )  # fmt: skip

    assert (answer.status, list(answer.json()["data"]["fields"])) == (400, ["Content-Length"])
    assert nothing_left()
    assert put(upload, TEXT).status == 200


def test_a_type_may_have_a_charset_and_capital_letters(portal):
    assert put(announced(portal)["upload"], TEXT, content_type="Text/Plain; charset=utf-8").status == 200


def test_an_upload_that_stops_halfway_leaves_nothing_and_may_begin_again(portal, nothing_left):
    upload = announced(portal)["upload"]

    answer = follow(
        upload["url"], "PUT", pieces=[TEXT[:5]], gone=True, content_type="text/plain", content_length=str(len(TEXT))
    )

    assert answer is None
    assert nothing_left()
    assert put(upload, TEXT).status == 200


def test_links_that_open_nothing_are_one_404(portal, link, tenant, customer):
    draft = announced(portal)
    url, upload = urlsplit(draft["upload"]["url"]), draft["upload"]["url"]
    mine = FileReader("m", customer.id)
    foreign = MemberFactory()
    here, key = f"{url.scheme}://{url.netloc}", draft["id"]
    signed = {
        "purpose": UPLOAD, "tenant_id": tenant.id, "file_id": UUID(key), "reader": mine,
        "until": int(time.time()) + 100,
    }  # fmt: skip

    def other(**change):
        return Link(**signed | change).address(here)

    assert (
        put({"url": other(), "headers": {"Content-Type": "text/plain"}}, TEXT + b"x").status == 400
    )  # it is signed well
    dead = {
        "over": other(until=int(time.time()) - 1),
        "of another tenant": other(tenant_id=foreign.tenant_id),
        "of another person": other(reader=FileReader("m", foreign.id)),
        "of an operator who is none": other(reader=FileReader("o", customer.user_id)),
        "of a key that is none": other(reader=FileReader("k", customer.id)),
        "of another file": other(file_id=foreign.id),
        "tampered": upload[:-1] + ("0" if upload[-1] != "0" else "1"),
        "signed twice": upload + "&s=0",
        "without a signature": upload.partition("&s=")[0],
        "with letters": upload.replace("&u=", "&u=x"),
        "of another purpose": link.replace("/download/", "/upload/"),
        "of no purpose": upload.replace("/upload/", "/else/"),
        "of no file": upload.replace(key, "x"),
        "of nothing": f"{here}/files/",
        "in bytes": f"{here}/files/upload/{key}?s=%ff%00&t=%00",
    }
    seen = set()
    for what, address in dead.items():
        answer = put({"url": address, "headers": {"Content-Type": "text/plain"}}, TEXT)
        seen.add((answer.status, answer.body))
        assert answer.status == 404, what
    with tenant_scope(tenant.id):
        Membership.objects.filter(id=customer.id).update(ended_at="2026-01-01T00:00Z")
    for answer in (put(draft["upload"], TEXT), follow(link), follow(link.replace("download", "view"))):
        seen.add((answer.status, answer.body))
    assert len(seen) == 1


@pytest.mark.parametrize("purpose", [VIEW, THUMBNAIL])
def test_a_file_that_is_no_picture_has_no_view(link, customer, purpose):
    file = make_file(customer)
    hour = int(time.time()) // 3600
    of_view = Link(purpose, customer.tenant_id, file.id, FileReader("m", customer.id), hour)

    answer = follow(of_view.address("https://files.example"))

    assert (answer.status, answer.json()["error"]) == (404, "not_found")


def test_a_link_to_the_directory_opens_nothing_once_files_go_into_a_bucket(portal, use_files):
    upload = announced(portal)["upload"]

    use_files(in_bucket(endpoint="http://127.0.0.1:9"))

    assert put(upload, TEXT).status == 404


def test_links_outlive_a_change_of_keys_until_the_old_one_is_dropped(portal, link, settings):
    old = settings.FILES_SIGNING_KEY
    settings.FILES_SIGNING_KEY, settings.FILES_SIGNING_KEY_FALLBACKS = "another-key-0123456789-abcdefghijklmn", [old]
    assert follow(link).status == 200
    settings.FILES_SIGNING_KEY_FALLBACKS = []
    assert follow(link).status == 404


def test_a_full_disk_is_a_coded_503_and_keeps_nothing(portal, nothing_left, monkeypatch):
    upload, write = announced(portal)["upload"], os.write

    def full(descriptor, piece):
        if bytes(piece) == TEXT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, piece)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        answer = put(upload, TEXT)

    assert (answer.status, answer.json()["error"]) == (503, "service_unavailable")
    assert "retry-after" in answer.headers
    assert nothing_left()
    assert put(upload, TEXT).status == 200


def test_a_directory_that_is_gone_is_a_coded_503(portal, link, use_files, tmp_path):
    upload, folder = announced(portal)["upload"], tmp_path / "files"
    use_files(files_storage(directory=folder))
    folder.rmdir()

    for answer in (put(upload, TEXT), follow(link)):
        assert (answer.status, answer.json()["error"]) == (503, "service_unavailable")


def test_more_than_may_be_at_it_are_told_to_come_again(monkeypatch, portal, link):
    monkeypatch.setattr(serving, "AT_ONCE", 0)

    for answer in (follow(link), put(announced(portal)["upload"], TEXT)):
        assert (answer.status, answer.json()["error"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) > 0


# Lines that are slow, by the clock of the tests


def receiving(wire, path, length):
    return asyncio.run(FileServer(None)._receive(wire.receive, path, length))


def test_a_line_that_only_drips_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "PATIENCE", 0.3)
    path = tmp_path / "x"
    path.touch()

    class Dripping:
        async def receive(self):
            await asyncio.sleep(0.05)
            return {"type": "http.request", "body": b"x", "more_body": True}

    begun = time.monotonic()
    with pytest.raises(InvalidInput):
        receiving(Dripping(), path, 10_000)
    assert time.monotonic() - begun < 2


class Paced:
    """A line that brings so many bytes a second, all that came since the last look; `looks`: after its beginning."""

    def __init__(self, length, rate):
        self.length, self.rate, self.given, self.looks = length, rate, 0, 0
        self.begun = time.monotonic()

    async def receive(self):
        self.looks += self.given > serving.BEGINNING
        await asyncio.sleep(0.001)
        came = min(self.length, int(self.rate * (time.monotonic() - self.begun)))
        piece, self.given = bytes(came - self.given), came
        return {"type": "http.request", "body": piece, "more_body": came < self.length}


def test_of_a_slow_line_more_gathers_before_it_is_looked_at(tmp_path):
    path = tmp_path / "x"
    path.touch()
    line = Paced(200_000, rate=125_000)

    receiving(line, path, 200_000)

    assert line.looks < 200, "a thousand if each packet were looked at"
    assert path.stat().st_size == 200_000


def test_a_quick_line_is_not_kept_waiting(tmp_path):
    path = tmp_path / "x"
    path.touch()
    line = Paced(1_000_000, rate=5_000_000)

    receiving(line, path, 1_000_000)

    assert line.looks > 5
    assert path.stat().st_size == 1_000_000


def test_a_file_that_became_shorter_while_it_is_sent_breaks_off(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    wire = Wire([], answer=Answer(200, {}))

    with path.open("rb") as file, pytest.raises(OSError, match="shorter"):
        asyncio.run(FileServer(None)._send_bytes(wire.send, file.fileno(), serving.Span(0, 10)))

    assert wire.answer.body == b"12345"


def test_a_client_that_takes_nothing_is_let_go(monkeypatch, link):
    monkeypatch.setattr(serving, "PATIENCE", 0.2)
    parts, wire = urlsplit(link), Wire([b""])
    seen = []

    async def stuck(message):
        seen.append(message["type"])
        if message.get("body"):
            await asyncio.sleep(60)

    async def whole():
        def asked(question, *arguments):
            try:
                return question(*arguments)
            finally:
                connections.close_all()  # of a thread that goes

        async def ask(question, *arguments):
            return await asyncio.to_thread(asked, question, *arguments)

        files = FileServer(ask)
        scope = {"method": "GET", "path": parts.path, "query_string": parts.query.encode(), "headers": []}
        await files.serve(Request(scope), wire.receive, stuck)
        return files

    begun = time.monotonic()
    files = asyncio.run(whole())
    assert time.monotonic() - begun < 5
    assert files._at_work == 0


# Through the real process


class Line:
    """One connection to the process."""

    def __init__(self, running, url, method="GET", **headers):
        parts = urlsplit(url)
        self.socket = socket.create_connection(("127.0.0.1", running.port), timeout=20)
        given = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: localhost\r\n{given}\r\n".encode())

    def send(self, piece):
        self.socket.sendall(piece)

    def answer(self):
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def close(self):
        self.socket.close()


def sending(running, draft, body=LARGE, **headers):
    """A line on which the head of an upload went out."""
    return Line(running, draft["upload"]["url"], "PUT", **{
        "Content_Length": len(body), "Content_Type": "text/plain", **headers
    })  # fmt: skip


def test_bytes_come_and_go_through_the_process_and_no_query_is_written(running, portal):
    key, draft = ready(portal), announced(portal, LARGE)
    line = sending(running, draft, Origin=ORIGIN)
    line.send(LARGE)
    status, headers, _body = line.answer()
    assert (status, headers["access-control-allow-origin"]) == (200, ORIGIN)
    link = portal.get(f"{FILES}/{key}").json()["data"]["attachment"]["download_url"]
    status, headers, body = Line(running, link).answer()
    assert (status, body) == (200, TEXT)
    wait_until(lambda: "/files/" in running.log, "no line of it")
    for url in (link, draft["upload"]["url"]):
        parts = urlsplit(url)
        assert parts.query not in running.log
        assert parts.query[-64:] not in running.log


def test_a_body_without_a_length_is_refused_by_the_process(running, portal):
    line = sending(running, announced(portal), Transfer_Encoding="chunked", Content_Length=0)
    assert line.answer()[0] in (400, 411)

    parts = urlsplit(announced(portal)["upload"]["url"])
    head = (
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked"
    )
    with socket.create_connection(("127.0.0.1", running.port)) as one:
        one.sendall(f"{head}\r\n\r\n1\r\nx\r\n0\r\n\r\n".encode())  # at once: who sends on may find it closed
        answer = http.client.HTTPResponse(one)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["error"]) == (411, "length_required")


def test_the_next_after_those_at_once_is_told_to_come_again(running, portal, tenant, nothing_left):
    drafts = [announced(portal, LARGE) for _one in range(AT_ONCE + 1)]
    lines = [sending(running, draft) for draft in drafts[:-1]]
    for line in lines:
        line.send(LARGE[:100_000])
    wait_until(lambda: len(left_behind(tenant.id)) >= AT_ONCE, "they are not at it")

    status, headers, body = sending(running, drafts[-1]).answer()
    assert (status, json.loads(body)["error"]) == (503, "service_unavailable")
    assert int(headers["retry-after"]) > 0

    for line in lines:
        line.close()
    wait_until(nothing_left, "what broke off stays")
    line = sending(running, drafts[-1])
    line.send(LARGE)
    assert line.answer()[0] == 200


def test_slow_lines_keep_no_thread_and_little_memory(running, portal, link, nothing_left):
    pid = running.process.pid
    before = resident(pid)
    drafts = [announced(portal, LARGE) for _one in range(50)]
    lines = [sending(running, draft) for draft in drafts]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda line: line.send(LARGE[: 2 * 1_024 * 1_024]), lines))
    stuck = [Line(running, link) for _one in range(5)]

    begun = time.monotonic()
    assert Line(running, link).answer()[0] == 200
    assert time.monotonic() - begun < 2
    assert resident(pid) - before < 60_000  # KiB

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda line: line.send(LARGE[2 * 1_024 * 1_024 :]), lines))
        assert {answer[0] for answer in pool.map(Line.answer, lines)} == {200}
    assert resident(pid) - before < 60_000
    for line in stuck:
        line.close()


def test_one_draft_sent_twice_at_once_is_taken_once(running, portal):
    def sent(draft, body):
        line = sending(running, draft, body)
        line.send(body)
        status, _headers, said = line.answer()
        return status, json.loads(said).get("error")

    for other, expected in ((LARGE, {(200, None)}), (LARGE[::-1], {(200, None), (409, "attachment_already_uploaded")})):
        draft = announced(portal, LARGE)
        with ThreadPoolExecutor(2) as pool:
            assert set(pool.map(sent, [draft] * 2, [LARGE, other])) == expected


def test_a_client_that_hangs_up_while_it_reads_leaves_nothing_open(running, portal):
    draft = announced(portal, b"a line of text\n" * 400_000)
    assert put(draft["upload"], b"a line of text\n" * 400_000).status == 200
    assert check_due() == 1
    link = portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]["download_url"]
    folder = Path(f"/proc/{running.process.pid}/fd")

    def opened():
        return sum("kept" in str(one.readlink()) for one in folder.iterdir() if one.is_symlink())

    lines = [Line(running, link) for _one in range(10)]
    for line in lines:
        line.socket.recv(1_000)
        line.close()

    wait_until(lambda: opened() == 0, "files stay open", 10)
    assert "Traceback" not in running.log
