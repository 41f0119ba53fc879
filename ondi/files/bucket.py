"""Files in a bucket of S3, or of what speaks like it. Needs requirements-s3.txt."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import (
    ConnectionError as NotConnected,
)
from django.core.exceptions import ImproperlyConfigured

from ondi.files.storage import (
    KEPT_BY_BROWSERS,
    KEY,
    FileGone,
    Store,
    StoreAway,
    Stored,
    TooLong,
    checked,
    checked_prefix,
    copy,
)

Answer = TypeVar("Answer")
CALL = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=32,
    # Others than Amazon do not know the checksums that boto3 adds by itself.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
AT_ONCE = 100  # keys that one call deletes: S3 takes a thousand, others do not do so many within the read timeout
PAGE_SECONDS = 30.0
MISSING = {"404", "NoSuchKey", "NotFound"}


class Bucket(Store):
    """A bucket that only we write to, and the holders of a link, for as long as it lives."""

    is_local = False

    def __init__(self, storage: Any) -> None:
        """`storage`: a `storages.backends.s3.S3Storage`. Contacts nothing."""
        # A machine's role is asked for keys only where "false" is set: elsewhere that address answers nobody.
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        self._bucket, self._prefix = storage.bucket_name, f"{storage.location}/".lstrip("/")
        storage.client_config = storage.client_config.merge(CALL)
        try:
            self._client = storage.connection.meta.client
        except (BotoCoreError, ValueError) as error:
            raise ImproperlyConfigured(
                "FILES_S3_ENDPOINT or FILES_S3_REGION is none (docs/deploying.md, Files)."
            ) from error

    def upload_link(self, key: str, *, size: int, content_type: str, seconds: int) -> tuple[str, dict[str, str]]:
        """Address for one PUT of exactly so many bytes of this type, and the headers that the client sets itself."""
        signed = {"ContentLength": size, "ContentType": content_type}
        return self._link("put_object", key, seconds, signed), {"Content-Type": content_type}

    def download_link(self, key: str, *, disposition: str, content_type: str, seconds: int, method: str = "GET") -> str:
        """Address for GET (with or without Range) or, by `method`, for HEAD; it answers with these two headers, and
        that browsers keep it."""
        signed = {
            "ResponseContentDisposition": disposition, "ResponseContentType": content_type,
            "ResponseCacheControl": KEPT_BY_BROWSERS,
        }  # fmt: skip
        return self._link({"GET": "get_object", "HEAD": "head_object"}[method], key, seconds, signed)

    def save(self, key: str, source: Path, *, content_type: str, within: float = 60.0) -> None:
        with source.open("rb") as body:
            size = os.fstat(body.fileno()).st_size
            self._call("put_object", key, within, Body=body, ContentLength=size, ContentType=content_type)

    def size(self, key: str, within: float = 2.0) -> int | None:
        arguments = self._named(key)

        def ask() -> int | None:
            try:
                return int(self._client.head_object(**arguments)["ContentLength"])
            except ClientError as error:
                if _code(error) not in MISSING:
                    raise
            self._client.head_bucket(Bucket=self._bucket)  # to a HEAD a missing bucket is a missing file as well
            return None

        return _by_the_clock(within, ask)

    def fetch(self, key: str, to: Path, *, most: int, within: float = 60.0) -> None:
        arguments = self._named(key)

        def get() -> None:
            try:
                answer = self._client.get_object(**arguments)
            except ClientError as error:
                if _code(error) in MISSING:
                    raise FileGone(key) from error
                raise
            with closing(answer["Body"]) as body, to.open("wb") as writer:
                if answer["ContentLength"] > most:
                    raise TooLong
                copy(body, writer, most)

        _by_the_clock(within, get)

    def delete(self, keys: Iterable[str], within: float = 30.0) -> None:
        remaining = iter(keys)
        while batch := [{"Key": self._prefix + checked(key)} for key in islice(remaining, AT_ONCE)]:
            answer = _by_the_clock(within, self._deleting(batch))
            for error in answer.get("Errors", []):
                if error.get("Code") not in MISSING:
                    raise StoreAway(f"the bucket refuses: {error.get('Code')}")

    def listing(self, prefix: str = "") -> Iterator[Stored]:
        wanted = self._prefix + checked_prefix(prefix)
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=wanted))
        while (page := _by_the_clock(PAGE_SECONDS, lambda: next(pages, None))) is not None:
            for found in page.get("Contents", []):
                key = found["Key"].removeprefix(self._prefix)
                if KEY.fullmatch(key):
                    yield Stored(key, found["Size"], found["LastModified"])

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + checked(key)}

    def _call(self, name: str, key: str, within: float, **arguments: Any) -> Any:
        arguments |= self._named(key)
        return _by_the_clock(within, lambda: getattr(self._client, name)(**arguments))

    def _deleting(self, batch: list[dict[str, str]]) -> Callable[[], Any]:
        return lambda: self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})

    def _link(self, name: str, key: str, seconds: int, signed: Mapping[str, Any]) -> str:
        with _causes():
            link: str = self._client.generate_presigned_url(
                name, Params={**self._named(key), **signed}, ExpiresIn=seconds
            )
        return link


def _by_the_clock(seconds: float, work: Callable[[], Answer]) -> Answer:
    """What `work` returns. Raises `StoreAway` after so many seconds, whatever it waits for then: the limits of the
    client count for each step alone, and not for looking up a name. What is left behind ends by those."""
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    with _causes():
        return answer.result(seconds)


@contextmanager
def _causes() -> Iterator[None]:
    try:
        yield
    except StoreAway:
        raise
    except ClientError as error:
        raise StoreAway(f"the bucket refuses: {_code(error)}") from error
    except (TimeoutError, ConnectTimeoutError, ReadTimeoutError) as error:
        raise StoreAway("the bucket does not answer") from error
    except (HTTPClientError, NotConnected) as error:
        raise StoreAway("the bucket cannot be reached") from error
    except BotoCoreError as error:
        raise StoreAway(f"the bucket cannot be asked: {type(error).__name__}") from error
    except OSError as error:  # of the file that is copied
        raise StoreAway((error.strerror or type(error).__name__).lower()) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "?"))
