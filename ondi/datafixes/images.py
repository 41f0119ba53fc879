"""Rows as they are, as JSON by the database itself: taken before and after, compared, and put back."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection

from ondi.datafixes.fixes import Footprint

# An undo has its own history: these go on counting. So do the columns that a model calls `copies`, which somebody else
# keeps up with what a row says.
NOT_COMPARED = frozenset({"version", "updated_at"})
_KEYS: dict[str, str] = {}
_COPIES: dict[str, frozenset[str]] = {}
Rows = dict[tuple[str, str, UUID], dict[str, Any]]


def rows_in(footprint: Sequence[Footprint], parameters: Mapping[str, Any]) -> Rows:
    """The rows now, locked in the order of locks, by item, table and key. `parameters` go into the conditions.

    Locked, for what others change between this and the fix would be undone with it.
    """
    found: Rows = {}
    with connection.cursor() as cursor:
        for part in sorted(footprint, key=lambda part: lock_place(part.table)):
            cursor.execute(
                f"SELECT ({part.item})::text, t.{part.key}, {_image(part.table)} FROM {part.table} AS t "  # noqa: S608 - ours
                f"WHERE {part.condition} ORDER BY t.{part.key} FOR NO KEY UPDATE OF t",
                parameters,
            )
            for item, key, row in cursor.fetchall():
                image = json.loads(row)
                found[item, part.table, key] = {name: image[name] for name in image if name not in part.but}
    return found


def changed(table: str, now: Mapping[str, Any] | None, image: Mapping[str, Any] | None) -> bool:
    """Whether the row is another than its image says, but for what goes on counting and columns that came since."""
    if now is None or image is None:
        return now is not image
    left = not_compared(table)
    return any(now[name] != value for name, value in image.items() if name in now and name not in left)


def rows_now(table: str, keys: Collection[UUID], lock: str = "") -> dict[UUID, dict[str, Any]]:
    """These rows as they are now, by key, locked in the order of keys where a `lock` is named."""
    key = key_column(table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {key}, {_image(table)} FROM "{table}" AS t WHERE {key} = ANY (%s) ORDER BY {key} {lock}',  # noqa: S608
            [list(keys)],
        )
        return {row_id: json.loads(row) for row_id, row in cursor.fetchall()}


def take_away(table: str, keys: Collection[UUID]) -> None:
    """Delete rows. What hangs on them is looked at when the transaction ends, or when constraints are asked."""
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{table}" WHERE {key_column(table)} = ANY (%s)', [list(keys)])  # noqa: S608


def set_back(table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make rows that are there what they were. Raises `IntegrityError` where something else has their place."""
    key = key_column(table)
    for names, alike in _by_columns(rows):
        columns = [name for name in names if name not in not_compared(table) and name != key]
        one, another = ", ".join(f'"{name}"' for name in columns), ", ".join(f'r."{name}"' for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f'UPDATE "{table}" AS t SET ({one}) = ROW ({another}) '  # noqa: S608
                f'FROM jsonb_populate_recordset(NULL::"{table}", %s) AS r WHERE t.{key} = r.{key}',
                [json.dumps(alike)],
            )


def bring_back(table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that were taken away. Raises `IntegrityError` where something else has their place."""
    for columns, alike in _by_columns(rows):
        names = ", ".join(f'"{name}"' for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {names} '  # noqa: S608
                f'FROM jsonb_populate_recordset(NULL::"{table}", %s)',
                [json.dumps(alike)],
            )


def _by_columns(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    """Images of one time have the same columns; those of before and after a migration may not."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(sorted(row)), []).append(row)
    yield from alike.items()


def lock_place(table: str) -> tuple[float, str]:
    """Where a table stands in the order of locks; what is not named comes before the last."""
    order = settings.LOCK_ORDER
    return (order.index(table) if table in order else len(order) - 1.5, table)


def _image(table: str) -> str:
    """SQL of a row as JSON text, but for the columns the database computes from the others."""
    computed = f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attgenerated <> ''"  # noqa: S608
    return f"(to_jsonb(t) - ARRAY({computed})::text[])::text"


def not_compared(table: str) -> frozenset[str]:
    if not _COPIES:
        _COPIES.update({one._meta.db_table: frozenset(getattr(one, "copies", ())) for one in apps.get_models()})
    return NOT_COMPARED | _COPIES.get(table, frozenset())


def key_column(table: str) -> str:
    """Counters and settings are keyed by their tenant."""
    if not _KEYS:
        _KEYS.update({model._meta.db_table: str(model._meta.pk.column) for model in apps.get_models()})
    return _KEYS[table]
