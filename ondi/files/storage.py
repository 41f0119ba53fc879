import functools
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ondi import embedded_postgres


class StoreAway(Exception):
    pass


class FileGone(Exception):
    pass


class TooLong(Exception):
    pass


@dataclass(frozen=True)
class Stored:
    key: str
    size: int
    modified_at: datetime


class Disk:
    is_local = True

    @property
    def root(self) -> Path:
        return embedded_postgres.data_directory() / "files"

    def path(self, key: str) -> Path:
        return self.root / key

    def temporary(self, key: str) -> Path:
        import uuid

        path = self.root / "tmp" / str(uuid.uuid4())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def keep(self, temporary: Path, key: str) -> None:
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        os.rename(temporary, self.path(key))

    def save(self, key: str, source: Path, *, content_type: str) -> None:
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, self.path(key))

    def size(self, key: str, within: float = 2) -> int | None:
        return self.path(key).stat().st_size if self.path(key).exists() else None

    def fetch(self, key: str, to: Path, *, most: int) -> None:
        try:
            shutil.copyfile(self.path(key), to)
        except FileNotFoundError:
            raise FileGone from None

    def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            self.path(key).unlink(missing_ok=True)

    def listing(self) -> Iterator[Stored]:
        for path in self.root.rglob("*"):
            if path.is_file() and path.parent.name != "tmp":
                stat = path.stat()
                yield Stored(str(path.relative_to(self.root)), stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def upload_link(self, key: str, **_of: Any) -> tuple[str, dict[str, str]]:
        raise NotImplementedError

    def download_link(self, key: str, **_of: Any) -> str:
        raise NotImplementedError


@functools.cache
def store() -> Disk:
    return Disk()
