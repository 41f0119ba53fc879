from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Verdict:
    reason: str = ""
    content_type: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None
    main: Path | None = None
    view: Path | None = None
    thumbnail: Path | None = None


def examine(source: Path, *, claimed: str, folder: Path) -> Verdict:
    return Verdict(content_type=claimed, size=source.stat().st_size, main=source)
