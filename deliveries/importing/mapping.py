"""The mapping file: which of their columns is which of our fields, and which of their words is ours."""

import codecs
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deliveries.models import DeliveryStatus
from ondi.common.times import TimeForm, find_zone
from orders.models import OrderStatus, PaymentStatus

FIELDS: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"external_id", "first_name", "last_name", "email", "phone", "language"}),
    "order": frozenset(
        {
            "external_id",
            "number",
            "status",
            "payment_status",
            "currency",
            "total_amount",
            "item_count",
            "placed_at",
            "store",
            "source_updated_at",
        }
    ),
    "delivery": frozenset(
        {
            "external_id",
            "delivery_code",
            "status",
            "from_address",
            "to_address",
            "promised_at",
            "delivered_at",
            "store",
            "source_updated_at",
        }
    ),
}
NEEDED: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"external_id"}),
    "order": frozenset({"external_id", "number", "status"}),
    "delivery": frozenset({"external_id", "status"}),
}
# One value for all rows would make them one person, order or delivery.
NEVER_CONSTANT = frozenset({"external_id", "number", "delivery_code", "email", "phone"})
STATUSES: Mapping[str, frozenset[str]] = {
    "order_status": frozenset(OrderStatus.values),
    "payment_status": frozenset(PaymentStatus.values),
    "delivery_status": frozenset(DeliveryStatus.values),
}
FILE_KEYS = frozenset({"encoding", "delimiter", "date_format", "time_zone", "decimal", "empty", "lines"})
EMPTY = ("NULL", "null", "\\N", "N/A", "-", "0000-00-00", "0000-00-00 00:00:00")
# Beside nothing at all and nothing but zeros, which no map can make a person.
GUESTS = ("-1", "guest", "anonymous", "unknown", "none", "walk-in", "زائر", "ضيف")
LINES = ("", "first", "last")


class MappingError(ValueError):
    """The mapping file cannot be used, or not for this file; the text says what to change."""


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """`encoding`: empty where the file itself has to say. `lines`: which one of several with one order counts."""

    encoding: str
    delimiter: str
    times: TimeForm
    decimal: str
    empty: frozenset[str]
    lines: str
    guests: frozenset[str]
    columns: Mapping[str, Mapping[str, str]]
    constants: Mapping[str, Mapping[str, str]]
    words: Mapping[str, Mapping[str, str]]

    @property
    def has_deliveries(self) -> bool:
        return "delivery" in self.columns

    @property
    def needed_columns(self) -> set[str]:
        return {column for fields in self.columns.values() for column in fields.values()}


def read_mapping(path: Path) -> ImportMapping:
    """Read and check a mapping file. Raises `MappingError`."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path}: {error}") from error
    if unknown := set(raw) - {"file", *FIELDS, *STATUSES}:
        raise MappingError(f"Unknown section: {', '.join(sorted(unknown))}.")
    file = dict(_table(raw, "file"))
    if unknown := set(file) - FILE_KEYS:
        raise MappingError(f"[file] knows no {', '.join(sorted(unknown))}.")
    empty = _texts(file.pop("empty", list(EMPTY)), "[file] empty")
    _all_texts(file, "file")
    encoding = _encoding(file.get("encoding", ""))
    delimiter = _one_of_characters(file.get("delimiter", ","))
    times = _times(file.get("date_format", "%Y-%m-%d %H:%M:%S"), file.get("time_zone", "UTC"))
    sections = {name: dict(_table(raw, name)) for name in FIELDS if name != "delivery" or name in raw}
    guests = _texts(sections["customer"].pop("guests", list(GUESTS)), "[customer] guests")
    return ImportMapping(
        encoding=encoding,
        delimiter=delimiter,
        times=times,
        decimal=_choice(file, "decimal", (".", ",")),
        lines=_choice(file, "lines", LINES),
        empty=frozenset(empty),
        guests=frozenset(word.strip().casefold() for word in guests),
        constants={name: _constants(name, fields) for name, fields in sections.items()},
        columns={name: _columns(name, fields) for name, fields in sections.items()},
        words={name: _words(raw, name) for name in STATUSES},
    )


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise MappingError(f"[{name}] must be a section.")
    return table


def _all_texts(table: Mapping[str, Any], name: str) -> None:
    if not all(isinstance(value, str) for value in table.values()):
        raise MappingError(f"[{name}] must hold text values.")


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise MappingError(f"{name} must be a list of text values.")
    return value


def _choice(file: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = file.get(name, choices[0])
    if value not in choices:
        named = " or ".join(f'"{choice}"' for choice in choices if choice)
        raise MappingError(f"[file] {name} must be {named}.")
    return value


def _encoding(name: str) -> str:
    """The codec's own name, for one codec has many; empty stays empty."""
    if not name:
        return ""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise MappingError(f"[file] encoding: {error}") from error


def _one_of_characters(delimiter: str) -> str:
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise MappingError("[file] delimiter must be one character, and no quote or line end.")
    return delimiter


def _times(form: str, zone: str) -> TimeForm:
    found = find_zone(zone)
    if found is None:
        raise MappingError(f"[file] time_zone: No time zone found with the name {zone}; write it as Asia/Baghdad.")
    try:
        return TimeForm.of(form, found)
    except ValueError as error:
        raise MappingError(f"[file] date_format {form!r} cannot be used: {error}.") from error


def _columns(name: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    if unknown := set(fields) - FIELDS[name]:
        raise MappingError(f"[{name}] knows no field {', '.join(sorted(unknown))}.")
    if missing := NEEDED[name] - set(fields):
        raise MappingError(f"[{name}] must name a column for {', '.join(sorted(missing))}.")
    return {key: to for key, to in fields.items() if isinstance(to, str)}


def _constants(name: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """What every row has: fields given as `{ value = "…" }` instead of a column."""
    constants = {}
    for key, to in fields.items():
        if isinstance(to, str):
            continue
        if not isinstance(to, dict) or set(to) != {"value"} or not isinstance(to["value"], str) or not to["value"]:
            raise MappingError(f'[{name}] must hold text values: a column, or {{ value = "…" }} for all rows ({key}).')
        if key in NEVER_CONSTANT:
            raise MappingError(f"[{name}] {key} must be a column: it cannot be the same in every row.")
        constants[key] = to["value"]
    return constants


def _words(raw: Mapping[str, Any], name: str) -> Mapping[str, str]:
    words = _table(raw, name)
    _all_texts(words, name)
    if unknown := set(words.values()) - STATUSES[name]:
        raise MappingError(f"[{name}] leads to unknown words: {', '.join(sorted(unknown))}.")
    return words
