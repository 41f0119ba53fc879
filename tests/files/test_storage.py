"""Where the bytes of files lie: the same promises on disk and in a bucket."""

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
import urllib3
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from ondi.files.backends import files_storage
from ondi.files.bucket import Bucket
from ondi.files.storage import Disk, FileGone, StoreAway, TooLong, store
from tests.files.bucket import BUCKET, SECRET_KEY, serving
from tests.files.conftest import in_bucket
from tests.reliability.product import free_port

KEY = "tigris/0190-a_b/main"
http = urllib3.PoolManager(retries=False, timeout=10)

SAVER = """
import sys
from pathlib import Path
from django.conf import settings
from ondi.files.backends import files_storage
settings.configure(STORAGES=files_storage(**{where!r}), USE_TZ=True)
from ondi.files.storage import store
store()
print("ready", flush=True)
sys.stdin.readline()
store().save({key!r}, Path({source!r}), content_type="image/png", within=30)
"""


def file_of(folder: Path, content: bytes, name="source") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def save(kept, folder, content: bytes, key=KEY):
    kept.save(key, file_of(folder, content), content_type="image/png")


def content(kept, folder, key=KEY, most=50_000_000) -> bytes:
    kept.fetch(key, folder / "fetched", most=most)
    return (folder / "fetched").read_bytes()


def keys(kept, prefix="") -> list[str]:
    return sorted(stored.key for stored in kept.listing(prefix))


# What a store does


def test_what_was_kept_comes_back_byte_for_byte(stores, tmp_path):
    bytes_kept = os.urandom(700_001)

    save(stores, tmp_path, bytes_kept)

    assert stores.size(KEY) == 700_001
    assert content(stores, tmp_path, most=700_001) == bytes_kept
    assert content(stores, tmp_path) == bytes_kept


def test_an_empty_file_is_a_file(stores, tmp_path):
    save(stores, tmp_path, b"")

    assert stores.size(KEY) == 0
    assert content(stores, tmp_path) == b""


def test_who_does_it_twice_has_the_later_one(stores, tmp_path):
    save(stores, tmp_path, b"long, and written first")
    save(stores, tmp_path, b"later")

    assert content(stores, tmp_path) == b"later"
    assert keys(stores) == [KEY]


def test_what_is_not_there_is_said_to_be_gone(stores, tmp_path):
    save(stores, tmp_path, b"here")

    for key in ("nowhere", "tigris", "tigris/0190-a_b", f"{KEY}/below"):
        assert stores.size(key) is None
        with pytest.raises(FileGone):
            stores.fetch(key, tmp_path / "fetched", most=10)


def test_more_than_wanted_is_not_fetched(stores, tmp_path):
    save(stores, tmp_path, b"12345")

    with pytest.raises(TooLong):
        stores.fetch(KEY, tmp_path / "fetched", most=4)


def test_what_is_given_stays_when_its_giver_has_no_more(stores, tmp_path):
    bytes_kept, source = os.urandom(300_000), file_of(tmp_path, b"before")
    stores.give(KEY, source, content_type="image/png")
    source.unlink()
    stores.give(KEY, file_of(tmp_path, bytes_kept), content_type="image/png")
    (tmp_path / "source").unlink()

    assert content(stores, tmp_path) == bytes_kept
    assert keys(stores) == [KEY]


def test_what_is_lent_is_there_while_it_is_read_and_no_more_than_wanted(stores, tmp_path):
    save(stores, tmp_path, b"12345")
    stores.lend(KEY, tmp_path / "lent", most=5)
    stores.delete([KEY])

    assert (tmp_path / "lent").read_bytes() == b"12345"
    with pytest.raises(FileGone):
        stores.lend(KEY, tmp_path / "again", most=5)
    save(stores, tmp_path, b"123456")
    with pytest.raises(TooLong):
        stores.lend(KEY, tmp_path / "third", most=5)


def test_a_disk_gives_and_lends_without_a_copy_where_it_can(tmp_path):
    """Given a file that was given, when it is lent, then all three are one file, for its owner alone."""
    kept = Disk(FileSystemStorage(tmp_path / "kept"))
    source = file_of(tmp_path, b"12345")

    kept.give(KEY, source, content_type="image/png")
    kept.lend(KEY, tmp_path / "lent", most=5)

    stored = kept.path(KEY).stat()
    assert stored.st_ino == source.stat().st_ino == (tmp_path / "lent").stat().st_ino
    assert stored.st_mode & 0o777 == 0o600


def test_a_disk_beside_another_gives_and_lends_copies(tmp_path, monkeypatch):
    def refuse(*_names):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    kept = Disk(FileSystemStorage(tmp_path / "kept"))
    kept.give(KEY, file_of(tmp_path, b"12345"), content_type="image/png")
    kept.lend(KEY, tmp_path / "lent", most=5)

    assert (tmp_path / "lent").read_bytes() == b"12345"
    assert not list(kept.old_temporaries(timezone.now() + timedelta(days=1)))


def test_deleting_takes_what_is_there_and_nothing_else(stores, tmp_path):
    for number in range(3):
        save(stores, tmp_path, b"x", f"tigris/{number}")

    stores.delete(["tigris/0", "tigris/2", "tigris/9", "elsewhere/1"])
    stores.delete(["tigris/0"])
    stores.delete([])

    assert keys(stores) == ["tigris/1"]


def test_the_listing_says_key_size_and_time(stores, tmp_path):
    began = datetime.now(UTC)
    save(stores, tmp_path, b"12345")

    (stored,) = stores.listing()

    assert (stored.key, stored.size) == (KEY, 5)
    assert began - timedelta(seconds=2) < stored.modified_at < datetime.now(UTC) + timedelta(seconds=2)


def test_the_listing_goes_by_the_beginning_of_keys(stores, tmp_path):
    for key in ("tigris/ab/1", "tigris/ac/2", "tigris2/3", "khabur/4"):
        save(stores, tmp_path, b"x", key)

    assert keys(stores) == ["khabur/4", "tigris/ab/1", "tigris/ac/2", "tigris2/3"]
    assert keys(stores, "tigris") == ["tigris/ab/1", "tigris/ac/2", "tigris2/3"]
    assert keys(stores, "tigris/") == ["tigris/ab/1", "tigris/ac/2"]
    assert keys(stores, "tigris/ab") == ["tigris/ab/1"]
    assert keys(stores, "nobody/") == []


NO_KEYS = [
    "", "/", "/etc/passwd", "../up", "a/../../up", "a/./b", "a//b", "a/", "A", "a b", "a.b", "a\\b", "a\x00b", "a\n",
    "ملف", "a" * 201, "~", "%2e%2e/up", ".receiving/a",
]  # fmt: skip
NO_PREFIXES = ["/", "/etc", "../", "a/../..", ".", "A", "a\n", "a" * 201]


def test_a_key_that_tries_to_climb_out_is_none(stores, tmp_path):
    source = file_of(tmp_path, b"x")

    for key in NO_KEYS:
        for attempt in (
            lambda key: stores.save(key, source, content_type="image/png"),
            lambda key: stores.size(key),
            lambda key: stores.fetch(key, tmp_path / "fetched", most=1),
            lambda key: stores.delete([key]),
        ):
            with pytest.raises(ValueError, match="not a key"):
                attempt(key)
    for prefix in NO_PREFIXES:
        with pytest.raises(ValueError, match="not the beginning of a key"):
            list(stores.listing(prefix))
    assert keys(stores) == []


def test_two_who_save_at_once_leave_one_of_both_whole(stores, tmp_path):
    sources = [file_of(tmp_path, letter * 3_000_000, name) for letter, name in ((b"a", "one"), (b"b", "two"))]
    together = threading.Barrier(2)
    failures = []

    def saving(source):
        try:
            together.wait()
            stores.save(KEY, source, content_type="image/png")
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=saving, args=[source]) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert content(stores, tmp_path) in (b"a" * 3_000_000, b"b" * 3_000_000)


def test_a_check_says_nothing_where_all_is_well_and_leaves_nothing(stores):
    assert stores.check() == ""
    assert keys(stores) == []


# Killed, full, away


def killed_while_saving(where: dict, source: Path, has_begun) -> None:
    """Save in a process of its own, and kill it once the bytes are on their way."""
    script = SAVER.format(where=where, key=KEY, source=str(source))
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        until = time.monotonic() + 10
        while not has_begun():
            assert time.monotonic() < until
            assert process.poll() is None, "it was over before it could be killed"
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_killed_in_the_middle_leaves_nothing_on_disk_but_a_temporary_file(disk, tmp_path):
    source = file_of(tmp_path, b"")
    os.truncate(source, 2_000_000_000)
    temporaries = tmp_path / "files" / ".receiving"

    killed_while_saving(
        {"directory": str(tmp_path / "files")},
        source,
        lambda: temporaries.is_dir() and any(path.stat().st_size for path in temporaries.iterdir()),
    )

    assert disk.size(KEY) is None
    assert keys(disk) == []
    (left,) = disk.old_temporaries(datetime.now(UTC) + timedelta(seconds=5))
    assert 0 < left.stat().st_size < 2_000_000_000
    assert list(disk.old_temporaries(datetime.now(UTC) - timedelta(hours=1))) == []


def test_a_full_disk_is_away_and_keeps_what_was_there(disk, tmp_path):
    save(disk, tmp_path, b"earlier")
    source = file_of(tmp_path, b"x" * 100_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StoreAway, match="file too large"):
            disk.save(KEY, source, content_type="image/png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert content(disk, tmp_path) == b"earlier"
    assert list(disk.old_temporaries(datetime.now(UTC) + timedelta(seconds=5))) == []


def test_a_full_bucket_is_away(use_files, tmp_path):
    with serving(tmp_path / "s3") as server:
        kept = use_files(in_bucket(endpoint=server.endpoint))
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (50_000, 50_000))

        with pytest.raises(StoreAway, match="the bucket refuses"):
            save(kept, tmp_path, b"x" * 100_000)

        assert kept.size(KEY) is None


def test_an_upload_that_stops_halfway_leaves_nothing_in_a_bucket(bucket):
    url, headers = bucket.upload_link(KEY, size=1_000_000, content_type="image/png", seconds=60)
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000000\r\n"
        connection.sendall(f"{head}Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + b"x" * 500_000)
        time.sleep(0.1)
        assert bucket.size(KEY) is None
    time.sleep(0.1)

    assert bucket.size(KEY) is None
    assert keys(bucket) == []


def test_a_directory_that_is_gone_is_away_not_empty(disk, tmp_path):
    save(disk, tmp_path, b"x")
    (tmp_path / "files").rename(tmp_path / "elsewhere")

    assert_away(disk, tmp_path)

    (tmp_path / "elsewhere").rename(tmp_path / "files")
    assert content(disk, tmp_path) == b"x"


def test_a_bucket_that_is_gone_is_away_not_empty(bucket, s3_server, tmp_path):
    save(bucket, tmp_path, b"x")
    s3_server.bucket.rename(s3_server.folder / "elsewhere")
    try:
        assert_away(bucket, tmp_path, but=["save", "delete"])  # rclone makes a bucket by the way
    finally:
        (s3_server.folder / "elsewhere").rename(s3_server.bucket)


def assert_away(kept, tmp_path, but=()):
    attempts = {
        "save": lambda: save(kept, tmp_path, b"x"),
        "size": lambda: kept.size(KEY),
        "fetch": lambda: content(kept, tmp_path),
        "delete": lambda: kept.delete([KEY]),
        "listing": lambda: list(kept.listing()),
    }
    for name, attempt in attempts.items():
        if name not in but:
            with pytest.raises(StoreAway) as raised:
                attempt()
            assert len(str(raised.value)) < 80, name
            assert SECRET_KEY not in str(raised.value)
    if not but:
        assert kept.check().startswith("Files cannot be kept: ")


def test_a_key_that_is_refused_is_away(use_files, s3_server, tmp_path):
    refused = use_files(in_bucket(endpoint=s3_server.endpoint, secret_key="another"))

    assert_away(refused, tmp_path)


def test_nobody_there_is_away_at_once(use_files, tmp_path):
    nobody = use_files(in_bucket(endpoint=f"http://127.0.0.1:{free_port()}"))
    began = time.monotonic()

    with pytest.raises(StoreAway, match="the bucket cannot be reached"):
        nobody.size(KEY)

    assert time.monotonic() - began < 2.2


@pytest.fixture
def silent():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def dripping():
    """A server that begins its answer and never comes to an end, a letter every tenth of a second."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        connection, _ = server.accept()
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not over.wait(0.1):
                    connection.sendall(b"x")
            except OSError:
                pass

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    over.set()
    thread.join(2)
    server.close()


@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_one_that_does_not_come_to_an_answer_is_away_in_time(request, use_files, kind):
    slow = use_files(in_bucket(endpoint=request.getfixturevalue(kind)))
    began = time.monotonic()

    with pytest.raises(StoreAway, match="the bucket does not answer"):
        slow.size(KEY, within=0.5)

    assert 0.4 < time.monotonic() - began < 0.8


def test_a_bucket_that_comes_back_is_used_again(use_files, tmp_path):
    with serving(tmp_path / "s3") as server:
        kept = use_files(in_bucket(endpoint=server.endpoint))
        save(kept, tmp_path, b"x")
        os.kill(server.process.pid, signal.SIGSTOP)
        with pytest.raises(StoreAway):
            kept.size(KEY, within=0.3)
        os.kill(server.process.pid, signal.SIGCONT)

        assert kept.size(KEY) == 1


# On disk


def test_files_on_disk_are_for_their_owner_alone(disk, tmp_path):
    save(disk, tmp_path, b"x")
    disk.temporary(KEY)

    found = [tmp_path / "files", *(tmp_path / "files").rglob("*")]

    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


def test_what_is_received_counts_only_once_it_is_kept(disk, tmp_path):
    received = disk.temporary(KEY)
    received.write_bytes(b"received")
    assert disk.size(KEY) is None
    assert keys(disk) == []

    disk.keep(received, KEY)

    assert disk.path(KEY).read_bytes() == b"received"
    assert not received.exists()
    assert content(disk, tmp_path) == b"received"


# Links to a bucket


@pytest.fixture
def upload(bucket):
    """A PUT of these bytes to a link for five bytes of PNG."""
    url, headers = bucket.upload_link(KEY, size=5, content_type="image/png", seconds=60)
    assert headers == {"Content-Type": "image/png"}
    return lambda body, url=url, **more: http.request("PUT", url, body=body, headers=headers | more).status


def test_an_upload_link_takes_what_it_was_signed_for(upload, bucket, tmp_path):
    assert upload(b"12345") == 200
    assert content(bucket, tmp_path) == b"12345"
    assert upload(b"67890") == 200
    assert content(bucket, tmp_path) == b"67890"


def test_an_upload_link_refuses_all_else(upload, bucket):
    url, _ = bucket.upload_link(KEY, size=5, content_type="image/png", seconds=60)

    assert upload(b"123456") == 403
    assert upload(b"1234") == 403
    assert upload(b"") in (403, 411)
    assert upload(b"12345", **{"Content-Type": "text/html"}) == 403
    assert upload(b"12345", url=url.replace("main", "view")) == 403
    assert upload(b"12345", url=url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")) == 403
    assert upload(b"12345", url=url[:-1] + ("0" if url[-1] != "0" else "1")) == 403
    assert http.request("GET", url).status == 403
    assert http.request("DELETE", url).status == 403
    assert keys(bucket) == []


def test_links_expire(bucket, tmp_path):
    save(bucket, tmp_path, b"12345")
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=60)):
        ended, ends = ((put(bucket, seconds), get(bucket, seconds)) for seconds in (58, 90))

    assert [ask() for ask in ended] == [400, 400]  # Amazon says 403
    assert content(bucket, tmp_path) == b"12345"
    assert [ask() for ask in ends] == [200, 200]


def put(bucket, seconds):
    url, headers = bucket.upload_link(KEY, size=5, content_type="image/png", seconds=seconds)
    return lambda: http.request("PUT", url, body=b"67890", headers=headers).status


def get(bucket, seconds):
    url = bucket.download_link(KEY, disposition="inline", content_type="image/png", seconds=seconds)
    return lambda: http.request("GET", url).status


def test_a_download_link_answers_with_its_name_and_type(bucket, tmp_path):
    save(bucket, tmp_path, b"12345")
    disposition = 'attachment; filename="a \\"b\\".txt"; filename*=UTF-8\'\'%D8%B5%D9%88%D8%B1%D8%A9%20%22b%22.txt'
    url = bucket.download_link(KEY, disposition=disposition, content_type="text/plain", seconds=60)

    answer = http.request("GET", url)

    assert (answer.status, answer.data) == (200, b"12345")
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Cache-Control"] == "private, max-age=3600, immutable"
    assert http.request("GET", url.replace("attachment", "inline")).status == 403


def test_a_part_can_be_had_and_the_head_by_its_own_link(bucket, tmp_path):
    save(bucket, tmp_path, b"12345")
    get, head = (
        bucket.download_link(KEY, disposition="inline", content_type="image/png", seconds=60, method=method)
        for method in ("GET", "HEAD")
    )

    part = http.request("GET", get, headers={"Range": "bytes=1-2"})

    assert (part.data, part.headers["Content-Range"]) == (b"23", "bytes 1-2/5")  # with 200: rclone's slip
    assert http.request("HEAD", head).headers["Content-Length"] == "5"
    assert http.request("HEAD", get).status == 403
    assert http.request("GET", head).status == 403


# Settings


def test_keys_stand_below_the_prefix(use_files, s3_server, tmp_path):
    save(use_files(in_bucket(endpoint=s3_server.endpoint)), tmp_path, b"not ours", "desk/tigris/1")
    ours = use_files(in_bucket(endpoint=s3_server.endpoint, prefix="/desk/files/"))
    save(ours, tmp_path, b"ours", "tigris/1")

    assert keys(ours) == ["tigris/1"]
    assert (s3_server.bucket / "desk/files/tigris/1").read_bytes() == b"ours"


def test_without_a_place_it_is_said_what_to_set(settings):
    settings.STORAGES = {name: one for name, one in settings.STORAGES.items() if name != "files"}
    store.cache_clear()

    with pytest.raises(ImproperlyConfigured, match="set ONDI_FILES_DIR or FILES_BUCKET"):
        store()


def test_without_the_extra_it_is_said_what_to_install():
    script = """
import sys
sys.modules["boto3"] = sys.modules["boto3.session"] = None
from django.conf import settings
from ondi.files.backends import files_storage
settings.configure(STORAGES=files_storage(directory="", bucket="b"))
from ondi.files.storage import store
store()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert ended.stderr.splitlines()[-1].endswith("pip install -r requirements-s3.txt")


def test_amazon_is_addressed_by_the_name_of_the_bucket_and_asked_nothing(use_files):
    kept = use_files(in_bucket(region="eu-central-1"))

    url = kept.download_link(KEY, disposition="inline", content_type="image/png", seconds=60)

    assert url.startswith(f"https://{BUCKET}.s3.eu-central-1.amazonaws.com/{KEY}?")


def test_nothing_is_contacted_before_it_is_needed(use_files, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    contacted = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_args, **_more: contacted.append(host) or [])

    kept = use_files(files_storage(directory="", bucket=BUCKET))

    with pytest.raises(StoreAway, match="NoCredentialsError"):
        kept.download_link(KEY, disposition="inline", content_type="image/png", seconds=60)
    assert contacted == []


def test_the_environment_says_where_files_are():
    environment = {
        "PATH": os.environ["PATH"], "DEBUG": "true", "FILES_BUCKET": "b", "FILES_S3_ENDPOINT": "https://s3.example",
        "FILES_S3_REGION": "eu", "FILES_S3_PREFIX": "desk", "FILES_S3_ACCESS_KEY": "key",
        "FILES_S3_SECRET_KEY": "secret",
    }  # fmt: skip
    script = "from ondi import settings; print(json.dumps([str(settings.FILES_DIR), settings.STORAGES['files']]))"

    def said(**more):
        command = [sys.executable, "-c", f"import json; {script}"]
        return json.loads(subprocess.run(command, env=environment | more, capture_output=True, check=True).stdout)

    _, bucket = said()
    directory, on_disk = said(FILES_BUCKET="", ONDI_FILES_DIR="/srv/files")

    assert bucket["BACKEND"] == "storages.backends.s3.S3Storage"
    assert bucket["OPTIONS"] | {
        "bucket_name": "b", "endpoint_url": "https://s3.example", "region_name": "eu", "location": "desk",
        "access_key": "key", "secret_key": "secret",
    } == bucket["OPTIONS"]  # fmt: skip
    assert (directory, on_disk["OPTIONS"]["location"]) == ("/srv/files", "/srv/files")


def test_the_store_is_the_one_that_the_settings_name(disk, use_files, s3_server):
    assert isinstance(disk, Disk)
    assert disk.is_local
    kept = use_files(in_bucket(endpoint=s3_server.endpoint))
    assert isinstance(kept, Bucket)
    assert not kept.is_local
    assert store() is kept
    assert files_storage(directory="") == {}
