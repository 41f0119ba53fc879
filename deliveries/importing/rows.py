"""From a line of the CSV to fields of ours, or to the reason why not."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from deliveries.importing.mapping import STATUSES, ImportMapping, MappingError
from deliveries.importing.table import Line, Rejection, read_lines
from deliveries.models import Delivery
from ondi.accounts.customers import customer_details
from ondi.accounts.models import Membership
from ondi.common.text import is_storable
from ondi.common.times import TimeRefused, is_ahead
from orders.models import Order

MODELS = {"customer": Membership, "order": Order, "delivery": Delivery}
TIMES = {"placed_at", "promised_at", "delivered_at", "source_updated_at"}
WHOLE_NUMBERS = {"item_count", "delivery_code"}
IDENTITIES = {"external_id", "number"}
# What a line of an order says of itself, where the file has a line for each item.
OF_THE_ORDER = ("total_amount", "item_count")
LARGEST_WHOLE_NUMBER = 2_147_483_647
LARGEST_AMOUNT = Decimal(10) ** 12
CURRENCY = re.compile(r"[A-Z]{3}")
_NOTHING = re.compile(r"[0.-]*")


class RowRejected(ValueError):
    """This row cannot be taken; the text is the reason."""


@dataclass(slots=True)
class ImportRow:
    """One good row: our fields by section.

    `moved_times`: columns whose time the clocks skipped, moved forward by the change; `doubled_times`: whose time
    they showed twice, taken for the first. `left_out`: details of the customer that cannot be kept, with the code.
    """

    line: int
    customer: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    delivery: dict[str, Any] | None = None
    is_guest: bool = False
    moved_times: list[str] = field(default_factory=list)
    doubled_times: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Orders with several lines: which line counts, and which column their lines contradict each other in."""

    line_of: Mapping[str, int] = field(default_factory=dict)
    contradicted: Mapping[str, str] = field(default_factory=dict)


def read_rows(path: Path, mapping: ImportMapping, repeats: Repeats) -> Iterator[ImportRow | Rejection]:
    """The file's rows one by one. Raises `MappingError` where the file is not as the mapping says."""
    constants = _constants(mapping)
    for line in read_lines(path, mapping):
        if isinstance(line, Rejection):
            yield line
            continue
        order_id = _order_id(line, mapping)
        if repeats.line_of.get(order_id, line.number) != line.number:
            continue
        try:
            if column := repeats.contradicted.get(order_id):
                raise RowRejected(f"{column}: the lines of order {order_id} differ in it, so it is not the order's own")
            yield _row(line, mapping, constants)
        except RowRejected as rejected:
            yield Rejection(line.number, str(rejected))


def find_repeats(path: Path, mapping: ImportMapping) -> Repeats:
    """Read the file through for orders with several lines. Raises `MappingError`, also where the map does not say
    which of them counts: the price of a line would become the order's total.
    """
    _constants(mapping)
    first: dict[str, int] = {}
    line_of: dict[str, int] = {}
    for line in read_lines(path, mapping):
        if isinstance(line, Line) and (order_id := _order_id(line, mapping)):
            known = first.setdefault(order_id, line.number)
            if known != line.number:
                line_of[order_id] = known if mapping.lines == "first" else line.number
    if not line_of:
        return Repeats()
    if not mapping.lines:
        order_id, line_number = next(iter(line_of.items()))
        raise MappingError(
            f"{path} has several lines for one order ({len(line_of)} such orders; the first is {order_id!r}, lines "
            f'{first[order_id]} and {line_number}): say in [file] which line counts, lines = "first" or "last".'
        )
    return Repeats(line_of, _contradicted(path, mapping, line_of))


def _contradicted(path: Path, mapping: ImportMapping, line_of: Mapping[str, int]) -> dict[str, str]:
    """Orders whose lines name different totals, by order: such a total is a line's own."""
    columns = [(name, column) for name, column in mapping.columns["order"].items() if name in OF_THE_ORDER]
    told: dict[tuple[str, str], Any] = {}
    contradicted: dict[str, str] = {}
    for line in read_lines(path, mapping) if columns else ():
        if isinstance(line, Rejection) or (order_id := _order_id(line, mapping)) not in line_of:
            continue
        for name, column in columns:
            if text := _cell(line, column, mapping):
                value = _comparable(name, column, text, mapping)
                if told.setdefault((order_id, column), value) != value:
                    contradicted[order_id] = column
    return contradicted


def _comparable(name: str, column: str, text: str, mapping: ImportMapping) -> Any:
    try:
        return _plain_value("order", name, column, text, mapping)
    except RowRejected:
        return text


def _constants(mapping: ImportMapping) -> dict[str, dict[str, Any]]:
    """The mapping's constants as values of ours. Raises `MappingError`."""
    values: dict[str, dict[str, Any]] = {}
    row = ImportRow(0)
    for section, constants in mapping.constants.items():
        values[section] = {}
        if section == "customer":
            values[section], left_out = customer_details(constants)
            if left_out:
                raise MappingError(f"[customer] {', '.join(left_out)}: this is none we know.")
            continue
        for name, text in constants.items():
            try:
                if name in ("status", "payment_status"):
                    values[section][name] = _own_status(section, name, text)
                else:
                    values[section][name] = _value(row, section, name, name, text, mapping)
            except RowRejected as rejected:
                raise MappingError(f"[{section}] {rejected}.") from rejected
    return values


def _own_status(section: str, name: str, text: str) -> str:
    if text not in STATUSES["payment_status" if name == "payment_status" else f"{section}_status"]:
        raise RowRejected(f"{name}: {text!r} is no status of ours")
    return text


def _order_id(line: Line, mapping: ImportMapping) -> str:
    return _cell(line, mapping.columns["order"]["external_id"], mapping)


def _cell(line: Line, column: str, mapping: ImportMapping) -> str:
    """The text of a cell; words that mean empty are empty."""
    text = line.cells[column].strip()
    return "" if text in mapping.empty else text


def _row(line: Line, mapping: ImportMapping, constants: Mapping[str, dict[str, Any]]) -> ImportRow:
    row = ImportRow(line.number)
    row.order = _section(row, "order", line, mapping) | constants["order"]
    row.customer = _customer(row, line, mapping) | constants["customer"]
    if mapping.has_deliveries:
        row.delivery = _section(row, "delivery", line, mapping) | constants["delivery"]
    return row


def _section(row: ImportRow, section: str, line: Line, mapping: ImportMapping) -> dict[str, Any]:
    fields = {}
    for name, column in mapping.columns[section].items():
        _check_readable(column, line, mapping)
        if name in ("status", "payment_status"):
            fields[name] = _status(section, name, column, line.cells[column].strip(), mapping)
        else:
            fields[name] = _value(row, section, name, column, _cell(line, column, mapping), mapping)
    if fields.get("source_updated_at", "") is None:
        del fields["source_updated_at"]  # a row without a time leaves the one that is known
    return fields


def _check_readable(column: str, line: Line, mapping: ImportMapping) -> None:
    if not is_storable(line.cells[column]):
        raise RowRejected(f"{column}: not readable as {mapping.encoding or 'utf-8'}, or control characters")


def _customer(row: ImportRow, line: Line, mapping: ImportMapping) -> dict[str, Any]:
    columns = mapping.columns["customer"]
    for column in columns.values():
        _check_readable(column, line, mapping)
    texts = {name: _cell(line, column, mapping) for name, column in columns.items()}
    details, left_out = customer_details(texts)
    row.left_out = {columns[name]: code for name, code in left_out.items()}
    external_id = texts["external_id"]
    if _NOTHING.fullmatch(external_id) or external_id.casefold() in mapping.guests:
        row.is_guest = True
        external_id = guest_id(details.get("email"), row.order["external_id"])
    _check_length("customer", "external_id", columns["external_id"], external_id)
    return {"external_id": external_id, **details}


def guest_id(email: str | None, order_id: str) -> str:
    """The external id of somebody who bought without being a customer: one for each e-mail, else for each order."""
    name = f"guest {email}" if email else f"guest of order {order_id}"
    longest = Membership._meta.get_field("external_id").max_length or 0
    return name if len(name) <= longest else f"guest {hashlib.sha256(name.encode()).hexdigest()}"


def _value(row: ImportRow, section: str, name: str, column: str, text: str, mapping: ImportMapping) -> Any:
    if name in TIMES:
        return _time(row, name, column, text, mapping)
    return _plain_value(section, name, column, text, mapping)


def _plain_value(section: str, name: str, column: str, text: str, mapping: ImportMapping) -> Any:
    if name in WHOLE_NUMBERS:
        return _whole_number(column, text)
    if name == "total_amount":
        return _amount(column, text, mapping)
    if name == "currency" and text and not CURRENCY.fullmatch(text):
        raise RowRejected(f"{column}: {text!r} is not a currency as USD")
    if name in IDENTITIES and not text:
        raise RowRejected(f"{column}: empty")
    _check_length(section, name, column, text)
    may_be_null = MODELS[section]._meta.get_field(name).null
    return text or (None if may_be_null else "")


def _check_length(section: str, name: str, column: str, text: str) -> None:
    longest = MODELS[section]._meta.get_field(name).max_length  # type: ignore[union-attr]
    if longest and len(text) > longest:
        raise RowRejected(f"{column}: longer than {longest} characters")


def _status(section: str, name: str, column: str, text: str, mapping: ImportMapping) -> str:
    words = mapping.words["payment_status" if name == "payment_status" else f"{section}_status"]
    if text not in words:
        raise RowRejected(f"{column}: no counterpart for {text!r}")
    return words[text]


def _time(row: ImportRow, name: str, column: str, text: str, mapping: ImportMapping) -> datetime | None:
    if not text:
        return None
    try:
        read = mapping.times.read(text)
    except TimeRefused as refused:
        raise RowRejected(f"{column}: {text!r} {refused}") from refused
    if name == "source_updated_at" and is_ahead(read.moment, timezone.now()):
        raise RowRejected(f"{column}: {text!r} is more than a day ahead of this server's clock")
    if read.was_skipped:
        row.moved_times.append(column)
    if read.was_twice:
        row.doubled_times.append(column)
    return read.moment


def _whole_number(column: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:12]) <= LARGEST_WHOLE_NUMBER and len(text) <= 12):
        raise RowRejected(f"{column}: {text!r} is not a whole number")
    return int(text)


def _amount(column: str, text: str, mapping: ImportMapping) -> Decimal | None:
    """An amount with the map's decimal mark. Marks between thousands are read where they can be nothing else."""
    if not text:
        return None
    mark = re.escape(mapping.decimal)
    other = re.escape("," if mapping.decimal == "." else ".")
    whole = rf"(?:\d{{1,14}}|\d{{1,3}}(?:{other}\d{{3}})+{'(?=' + mark + ')' if mapping.decimal == '.' else ''})"
    if not re.fullmatch(rf"-?{whole}(?:{mark}\d{{1,9}})?", text, re.ASCII):
        raise RowRejected(f"{column}: {text!r} is not an amount with {mapping.decimal!r} before its decimals")
    amount = Decimal(text.replace("." if mapping.decimal == "," else ",", "").replace(",", "."))
    if abs(amount) >= LARGEST_AMOUNT or amount != round(amount, 2):
        raise RowRejected(f"{column}: {text!r} is not an amount with two decimals")
    return round(amount, 2)
