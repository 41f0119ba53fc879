"""The mapping file: which of their columns is which of our fields, and which of their words is ours."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deliveries.models import DeliveryStatus
from orders.models import OrderStatus, PaymentStatus

FIELDS: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"external_id", "first_name", "last_name", "phone"}),
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
        }
    ),
}
NEEDED: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"external_id"}),
    "order": frozenset({"external_id", "number", "status"}),
    "delivery": frozenset({"external_id", "status"}),
}
STATUSES: Mapping[str, frozenset[str]] = {
    "order_status": frozenset(OrderStatus.values),
    "payment_status": frozenset(PaymentStatus.values),
    "delivery_status": frozenset(DeliveryStatus.values),
}


class MappingError(ValueError):
    """The mapping file cannot be used; the text says what to mend."""


@dataclass(frozen=True, slots=True)
class ImportMapping:
    encoding: str
    delimiter: str
    date_format: str
    time_zone: ZoneInfo
    columns: Mapping[str, Mapping[str, str]]
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
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path}: {error}") from error
    file = _table(raw, "file")
    try:
        time_zone = ZoneInfo(str(file.get("time_zone", "UTC")))
        "".encode(str(file.get("encoding", "utf-8")))
    except (ZoneInfoNotFoundError, LookupError, ValueError) as error:
        raise MappingError(f"[file]: {error}") from error
    delimiter = str(file.get("delimiter", ","))
    if len(delimiter) != 1:
        raise MappingError("[file] delimiter must be one character.")
    if unknown := set(raw) - {"file", *FIELDS, *STATUSES}:
        raise MappingError(f"Unknown section: {', '.join(sorted(unknown))}.")
    return ImportMapping(
        encoding=str(file.get("encoding", "utf-8")),
        delimiter=delimiter,
        date_format=str(file.get("date_format", "%Y-%m-%d %H:%M:%S")),
        time_zone=time_zone,
        columns={name: _columns(raw, name) for name in FIELDS if name != "delivery" or name in raw},
        words={name: _words(raw, name) for name in STATUSES},
    )


def _columns(raw: Mapping[str, Any], name: str) -> Mapping[str, str]:
    fields = _table(raw, name)
    if unknown := set(fields) - FIELDS[name]:
        raise MappingError(f"[{name}] knows no field {', '.join(sorted(unknown))}.")
    if missing := NEEDED[name] - set(fields):
        raise MappingError(f"[{name}] must name a column for {', '.join(sorted(missing))}.")
    return fields


def _words(raw: Mapping[str, Any], name: str) -> Mapping[str, str]:
    words = _table(raw, name)
    if unknown := set(words.values()) - STATUSES[name]:
        raise MappingError(f"[{name}] leads to unknown words: {', '.join(sorted(unknown))}.")
    return words


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, str]:
    table = raw.get(name, {})
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise MappingError(f"[{name}] must hold text values.")
    return table
