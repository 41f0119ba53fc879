"""Where the bytes of files lie: a directory on disk, or a bucket of S3 (`ondi/files/bucket.py`).

A store knows keys and bytes, no rows and no rights. Whatever is wrong with it is one error, `StoreAway`.
"""

import contextlib
import functools
import os
import re
import stat
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from ondi.files.backends import OWNERS_FOLDER

KEY = re.compile(r"(?=.{1,200}\Z)[a-z0-9_-]+(/[a-z0-9_-]+)*")
PREFIX = re.compile(r"[a-z0-9_-][a-z0-9/_-]{0,199}|")
TEMPORARIES = ".receiving"  # no key begins with a dot
PIECE = 256 * 1024
KEPT_BY_BROWSERS = "private, max-age=3600, immutable"
NO_PLACE = "Files have no place: set ONDI_FILES_DIR or FILES_BUCKET (docs/deploying.md, Files)."
NO_S3 = "FILES_BUCKET is set, and what it needs is missing: pip install -r requirements-s3.txt"


class StoreAway(OSError):
    """The store cannot do it now: away, full, slow, read-only, or it refuses. The text says why, in a few words."""


class FileGone(Exception):
    """There is nothing under this key, and the store is sure of it."""


class TooLong(Exception):
    """There is more under this key than the caller wants."""


@dataclass(frozen=True)
class Stored:
    key: str
    size: int
    modified_at: datetime


class Store(ABC):
    """Bytes under keys of lower-case letters, digits, `_`, `-` and `/`. Any other key is a `ValueError`.

    Every method may raise `StoreAway`. `within` is how many seconds a bucket has for it; a disk takes its time.
    """

    is_local: ClassVar[bool]

    @abstractmethod
    def save(self, key: str, source: Path, *, content_type: str, within: float = 60.0) -> None:
        """Keep a copy of this file, all of it or nothing, in place of what was there."""

    @abstractmethod
    def size(self, key: str, within: float = 2.0) -> int | None:
        """How many bytes there are; None where there is nothing, of which the store is sure."""

    @abstractmethod
    def fetch(self, key: str, to: Path, *, most: int, within: float = 60.0) -> None:
        """Copy it to a local file. Raises `FileGone`, and `TooLong` where it has more than `most` bytes."""

    def give(self, key: str, source: Path, *, content_type: str) -> None:
        """As `save`, of a file that nobody writes to any more."""
        self.save(key, source, content_type=content_type)

    def lend(self, key: str, to: Path, *, most: int) -> None:
        """As `fetch`, for who only reads it, for a while."""
        self.fetch(key, to, most=most)

    @abstractmethod
    def delete(self, keys: Iterable[str], within: float = 30.0) -> None:
        """Delete these; what is not there is no error. `within` counts for each thousand."""

    @abstractmethod
    def listing(self, prefix: str = "") -> Iterator[Stored]:
        """All there is whose key begins so, in no promised order, a page at a time. What is not a key is left out."""

    def check(self, within: float = 2.0) -> str:
        """Write, read and delete something little: '' or a sentence that says what is wrong."""
        key, bytes_written = f"check/{uuid.uuid4().hex}", b"OnDi Support looks whether files can be kept here.\n"
        try:
            with tempfile.TemporaryDirectory() as folder:
                written, read = Path(folder, "written"), Path(folder, "read")
                written.write_bytes(bytes_written)
                self.save(key, written, content_type="text/plain", within=within)
                self.fetch(key, read, most=len(bytes_written), within=within)
                self.delete([key], within=within)
                if read.read_bytes() != bytes_written:
                    return "Files come back other than they were kept."
        except (OSError, FileGone, TooLong) as error:
            return f"Files cannot be kept: {error}."
        return ""


@functools.cache
def store() -> Store:
    """The store that the settings name. Raises `ImproperlyConfigured` with what to do where they name none."""
    try:
        backend = storages["files"]
    except InvalidStorageError as error:
        missing_backend = "files" in storages.backends
        raise ImproperlyConfigured(NO_S3 if missing_backend else NO_PLACE) from error
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(NO_S3) from error
    if isinstance(backend, FileSystemStorage):
        return Disk(backend)
    from ondi.files.bucket import Bucket  # boto3 is needed by those alone who have a bucket

    return Bucket(backend)


def checked(key: str) -> str:
    """This key. Raises `ValueError` where it is none."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key: {key[:40]!r}")
    return key


def checked_prefix(prefix: str) -> str:
    """This beginning of keys. Raises `ValueError` where no key begins so."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError(f"not the beginning of a key: {prefix[:40]!r}")
    return prefix


def copy(reader: BinaryIO, writer: BinaryIO, most: int) -> None:
    """Copy all that comes. Raises `TooLong` when it is more than `most` bytes."""
    while piece := reader.read(PIECE):
        most -= len(piece)
        if most < 0:
            raise TooLong
        writer.write(piece)


class Disk(Store):
    """A directory, for its owner alone. One that disappears (a volume that is not mounted) is away, not empty."""

    is_local = True

    def __init__(self, storage: FileSystemStorage) -> None:
        self._root = Path(storage.location)
        with contextlib.suppress(OSError):  # said where it is first needed
            self._root.mkdir(OWNERS_FOLDER, parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where the bytes of this key are, or would be."""
        return self._root / checked(key)

    def temporary(self, key: str) -> Path:
        """A new, empty, private file on the same file system, to be filled and given to `keep`."""
        prefix = f"{checked(key).replace('/', '.')}."
        with _causes():
            folder = self._root / TEMPORARIES
            folder.mkdir(OWNERS_FOLDER, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=prefix, dir=folder)
            os.close(handle)
        return Path(name)

    def keep(self, temporary: Path, key: str) -> None:
        """Make a temporary file the one of this key, in place of what was there; it stays when the power fails."""
        target = self.path(key)
        with _causes():
            self._make_folder(target.parent)
            _sync(temporary)
            temporary.replace(target)
            _sync(target.parent)

    def old_temporaries(self, before: datetime) -> Iterator[Path]:
        """Temporary files that nobody has written to since then."""
        with _causes(), contextlib.suppress(FileNotFoundError), os.scandir(self._root / TEMPORARIES) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                        yield Path(entry.path)

    def save(self, key: str, source: Path, *, content_type: str, within: float = 60.0) -> None:
        with source.open("rb") as reader:
            temporary = self.temporary(key)
            try:
                with _causes(), temporary.open("wb") as writer:
                    copy(reader, writer, most=os.fstat(reader.fileno()).st_size)
                self.keep(temporary, key)
            finally:
                temporary.unlink(missing_ok=True)

    def size(self, key: str, within: float = 2.0) -> int | None:
        path = self.path(key)
        with _causes():
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                self._be_there()
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def fetch(self, key: str, to: Path, *, most: int, within: float = 60.0) -> None:
        path = self.path(key)
        with _causes():
            try:
                reader = path.open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                self._be_there()
                raise FileGone(key) from error
            with reader, to.open("wb") as writer:
                copy(reader, writer, most)

    def give(self, key: str, source: Path, *, content_type: str) -> None:
        """The same bytes under another name, where that can be: a copy is read, written and forced to the disk anew."""
        temporary = self.temporary(key)
        try:
            temporary.unlink()
            try:
                os.link(source, temporary)
            except OSError:
                self.save(key, source, content_type=content_type)
            else:
                temporary.chmod(0o600)
                self.keep(temporary, key)
        finally:
            temporary.unlink(missing_ok=True)

    def lend(self, key: str, to: Path, *, most: int) -> None:
        try:
            os.link(self.path(key), to)
        except OSError:  # another file system, or it is not there, which `fetch` says
            self.fetch(key, to, most=most)
        if to.stat().st_size > most:
            raise TooLong

    def delete(self, keys: Iterable[str], within: float = 30.0) -> None:
        folders = set()
        with _causes():
            for path in map(self.path, keys):
                try:
                    path.unlink()
                    folders.add(path.parent)
                except (FileNotFoundError, NotADirectoryError):
                    self._be_there()
            for folder in folders:
                _sync(folder)

    def listing(self, prefix: str = "") -> Iterator[Stored]:
        checked_prefix(prefix)
        with _causes():
            self._be_there()
            yield from self._below(self._root / prefix.rpartition("/")[0], prefix)

    def _below(self, folder: Path, prefix: str) -> Iterator[Stored]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                key = Path(entry.path).relative_to(self._root).as_posix()
                if not KEY.fullmatch(key) or not (key.startswith(prefix) or prefix.startswith(f"{key}/")):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._below(Path(entry.path), prefix)
                elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield Stored(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _be_there(self) -> None:
        if not self._root.is_dir():
            raise StoreAway("its directory is not there")

    def _make_folder(self, folder: Path) -> None:
        if folder == self._root or folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(OWNERS_FOLDER, exist_ok=True)
        _sync(folder.parent)


@contextlib.contextmanager
def _causes() -> Iterator[None]:
    """Of the operating system's errors the name alone: paths say where others' files are."""
    try:
        yield
    except StoreAway:
        raise
    except OSError as error:
        raise StoreAway((error.strerror or type(error).__name__).lower()) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
