"""Files with people's data in them: for the account that writes them and nobody else."""

import os
from pathlib import Path
from typing import BinaryIO

OWNER_ALONE = 0o600


def create_private(path: Path) -> BinaryIO:
    """A new file to write to. Raises `OSError`, `FileExistsError` where there is one."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "wb")


def write_private(path: Path, text: str) -> None:
    """This text in this file, whatever was there and whatever its permissions were. Raises `OSError`."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ALONE), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), OWNER_ALONE)
        file.truncate()
        file.write(text)
