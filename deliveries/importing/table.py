"""The CSV as its mapping says it is written: a header, and lines by the names of their columns."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deliveries.importing.mapping import ImportMapping, MappingError
from ondi.common.text import is_storable

# The longer first: the mark of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8"),
)  # fmt: skip
OTHER_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rejection:
    line: int
    reason: str


def read_lines(path: Path, mapping: ImportMapping) -> Iterator[Line | Rejection]:
    """The file's lines, one by one. Raises `MappingError` where the file as a whole is not as the mapping says.

    Line ends are LF, CRLF or CR. Bytes that do not decode are carried as surrogates where the encoding lets a line
    begin anew, so that one bad line does not end the reading.
    """
    with _text_of(path, mapping) as (stream, encoding):
        reader = csv.reader(stream, delimiter=mapping.delimiter, strict=True)
        header = _header(reader, path, mapping, encoding)
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejection(reader.line_num, str(error))
                continue
            if not values:
                continue
            if len(values) != len(header):
                cut = "the line is cut short" if len(values) < len(header) else "the line has too many columns"
                yield Rejection(reader.line_num, f"{cut}: {len(values)} of {len(header)} columns")
            else:
                yield Line(reader.line_num, dict(zip(header, values, strict=True)))


@contextmanager
def _text_of(path: Path, mapping: ImportMapping) -> Iterator[tuple[io.TextIOWrapper, str]]:
    if path.exists() and not path.is_file():
        raise MappingError(f"{path} is no file.")
    with path.open("rb") as stream:
        encoding = _encoding(path, stream.peek(4), mapping)
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        try:
            yield io.TextIOWrapper(stream, codec, errors="surrogateescape", newline=""), encoding
        except UnicodeError as error:
            raise MappingError(f"{path} cannot be read as {encoding}: {getattr(error, 'reason', error)}.") from error


def _encoding(path: Path, begins: bytes, mapping: ImportMapping) -> str:
    """What the mapping says; else what the mark at the beginning says; else UTF-8."""
    by_mark = next((name for mark, name in MARKS if begins.startswith(mark)), "")
    if by_mark and mapping.encoding and not mapping.encoding.startswith(by_mark):
        raise MappingError(
            f"{path} begins as {by_mark} does, and the map says {mapping.encoding}: say encoding = "
            f'"{by_mark}" in [file], or leave it out.'
        )
    return mapping.encoding or by_mark or "utf-8"


def _header(reader: Iterator[list[str]], path: Path, mapping: ImportMapping, encoding: str) -> list[str]:
    try:
        header = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
    except csv.Error as error:
        raise MappingError(f"{path} has no header that can be read: {error}.") from error
    if not all(is_storable(name) for name in header):
        raise MappingError(
            f"{path} is no text in {encoding}: say in [file] which encoding it has, if it is a CSV file at all."
        )
    if missing := mapping.needed_columns - set(header):
        raise MappingError(f"{path} has no column {', '.join(sorted(missing))}. {_found(header, mapping)}")
    if twice := {name for name in mapping.needed_columns if header.count(name) > 1}:
        raise MappingError(f"{path} has more than one column {', '.join(sorted(twice))}.")
    return header


def _found(header: list[str], mapping: ImportMapping) -> str:
    found = ", ".join(header[:20]).encode("ascii", "backslashreplace").decode()[:500] or "nothing"
    if len(header) == 1:
        for delimiter in OTHER_DELIMITERS.replace(mapping.delimiter, ""):
            if delimiter in header[0]:
                return f"Found: {found}. Its delimiter seems to be {delimiter!r}."
    return f"Found: {found}."
