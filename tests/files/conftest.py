"""Files in a directory and in a bucket: tests that ask for `stores` run on both."""

import socket
import struct
import threading
import uuid
from collections.abc import Iterator
from functools import partial

import pytest
from django.conf import settings as django_settings

from ondi.files.backends import files_storage
from ondi.files.storage import Store, store
from tests.files.bucket import ACCESS_KEY, BUCKET, SECRET_KEY, Server, serving

in_bucket = partial(files_storage, directory="", bucket=BUCKET, access_key=ACCESS_KEY, secret_key=SECRET_KEY)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def use_files(settings):
    """Files are kept as said until the test is over: `use_files(files_storage(...))` gives the store."""

    def use(storage) -> Store:
        settings.STORAGES = django_settings.STORAGES | storage
        store.cache_clear()
        return store()

    yield use
    store.cache_clear()


@pytest.fixture
def disk(use_files, tmp_path) -> Store:
    return use_files(files_storage(directory=tmp_path / "files"))


@pytest.fixture
def bucket(use_files, s3_server) -> Store:
    """A bucket, below a prefix that no other test has."""
    return use_files(in_bucket(endpoint=s3_server.endpoint, prefix=uuid.uuid4().hex))


@pytest.fixture(params=["disk", "bucket"])
def stores(request) -> Store:
    """The store, empty: once a directory, once a bucket."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def clamd():
    """A daemon that speaks as ClamAV does; it says what it is told to."""
    says, got = [b"stream: OK\0"], []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                line, _where = listening.accept()
            except OSError:
                return
            with line, line.makefile("rb") as file:
                assert file.read(10) == b"zINSTREAM\0"
                body = b""
                while size := struct.unpack("!I", file.read(4))[0]:
                    body += file.read(size)
                got.append(body)
                line.sendall(says[0])

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{listening.getsockname()[1]}", says, got
    listening.close()
