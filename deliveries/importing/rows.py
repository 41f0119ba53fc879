"""From a line of the CSV to fields of ours, or to the reason why not."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO

from deliveries.importing.mapping import ImportMapping, MappingError
from deliveries.models import Delivery
from ondi.accounts.models import Membership
from ondi.common.text import is_storable
from orders.models import Order

MODELS = {"customer": Membership, "order": Order, "delivery": Delivery}
TIMES = {"placed_at", "promised_at", "delivered_at"}
WHOLE_NUMBERS = {"item_count", "delivery_code"}
LARGEST_WHOLE_NUMBER = 2_147_483_647


class RowRejected(ValueError):
    """This row cannot be taken; the text is the reason."""


@dataclass(slots=True)
class ImportRow:
    """One good row: our fields by section, and the columns whose time fell into a clock change."""

    line: int
    customer: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    delivery: dict[str, Any] | None = None
    moved_times: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rejection:
    line: int
    reason: str


def read_rows(stream: BinaryIO, path: Path, mapping: ImportMapping) -> Iterator[ImportRow | Rejection]:
    """The file's rows one by one. Raises `MappingError` where a column of the mapping is missing.

    Bytes that do not decode are carried as surrogates, so that one bad line does not end the reading.
    """
    encoding = "utf-8-sig" if mapping.encoding.lower() in ("utf-8", "utf8") else mapping.encoding
    lines = (line.decode(encoding if number == 0 else mapping.encoding, "surrogateescape")
             for number, line in enumerate(stream))  # fmt: skip
    reader = csv.reader(lines, delimiter=mapping.delimiter)
    header = next(reader, [])
    if missing := mapping.needed_columns - set(header):
        found = ", ".join(header[:20]).encode("ascii", "backslashreplace").decode() or "nothing"
        raise MappingError(f"{path} has no column {', '.join(sorted(missing))}. Found: {found}.")
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
        try:
            yield _row(reader.line_num, header, values, mapping)
        except RowRejected as rejected:
            yield Rejection(reader.line_num, str(rejected))


def _row(line: int, header: list[str], values: list[str], mapping: ImportMapping) -> ImportRow:
    if len(values) != len(header):
        cut = "the line is cut short" if len(values) < len(header) else "the line has too many columns"
        raise RowRejected(f"{cut}: {len(values)} of {len(header)} columns")
    cells = dict(zip(header, values, strict=True))
    row = ImportRow(line)
    row.customer = _section(row, "customer", cells, mapping)
    row.order = _section(row, "order", cells, mapping)
    if mapping.has_deliveries:
        row.delivery = _section(row, "delivery", cells, mapping)
    return row


def _section(row: ImportRow, section: str, cells: dict[str, str], mapping: ImportMapping) -> dict[str, Any]:
    fields = {}
    for name, column in mapping.columns[section].items():
        text = cells[column].strip()
        if not is_storable(text):
            raise RowRejected(f"{column}: not readable as {mapping.encoding}, or control characters")
        fields[name] = _value(row, section, name, column, text, mapping)
    return fields


def _value(row: ImportRow, section: str, name: str, column: str, text: str, mapping: ImportMapping) -> Any:
    if name in ("status", "payment_status"):
        return _status(section, name, column, text, mapping)
    if name in TIMES:
        return _time(row, column, text, mapping)
    if name in WHOLE_NUMBERS:
        return _whole_number(column, text)
    if name == "total_amount":
        return _amount(column, text)
    longest = MODELS[section]._meta.get_field(name).max_length  # type: ignore[union-attr]
    if longest and len(text) > longest:
        raise RowRejected(f"{column}: longer than {longest} characters")
    if name in ("external_id", "number") and not text:
        raise RowRejected(f"{column}: empty")
    may_be_null = MODELS[section]._meta.get_field(name).null
    return text or (None if may_be_null else "")


def _status(section: str, name: str, column: str, text: str, mapping: ImportMapping) -> str:
    words = mapping.words["payment_status" if name == "payment_status" else f"{section}_status"]
    if text not in words:
        raise RowRejected(f"{column}: no counterpart for {text!r}")
    return words[text]


def _time(row: ImportRow, column: str, text: str, mapping: ImportMapping) -> datetime | None:
    """Local time to UTC. A time that a clock change skips is moved forward by the change, and noted."""
    if not text:
        return None
    try:
        local = datetime.strptime(text, mapping.date_format).replace(tzinfo=mapping.time_zone)
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowRejected(f"{column}: {text!r} is not a time of the form {mapping.date_format}") from error
    if moment.astimezone(mapping.time_zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        row.moved_times.append(column)
    return moment


def _whole_number(column: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:12]) <= LARGEST_WHOLE_NUMBER and len(text) <= 12):
        raise RowRejected(f"{column}: {text!r} is not a whole number")
    return int(text)


def _amount(column: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise RowRejected(f"{column}: {text!r} is not an amount") from error
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 12 or amount != round(amount, 2):
        raise RowRejected(f"{column}: {text!r} is not an amount with two decimals")
    return round(amount, 2)
