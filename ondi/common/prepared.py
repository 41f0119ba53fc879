"""Statements whose text is always the same: PostgreSQL keeps their plan, Django's compiler is left out.

Under row-level security a plan takes longer to make than to follow, and Django longer still to write its SQL.
"""

import functools
import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models import Field, Model
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format

# psycopg's own, in C. Django's, in Python, does the same for a connection in UTC, and takes a tenth of a list's time.
_TIMESTAMPS = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT)


# What Django hands on unchanged, whatever the field, after asking it at length.
_AS_THEY_ARE = {UUID, datetime, timedelta, type(None)}


def _adapters_of(raw: Any) -> AdaptersMap:
    """The connection's own, but for moments; made once for each connection."""
    if not hasattr(raw, "hot_adapters"):
        raw.hot_adapters = AdaptersMap(raw.adapters)
        raw.hot_adapters.register_loader("timestamptz", _TIMESTAMPS)
    return raw.hot_adapters  # type: ignore[no-any-return]


class _Cursor(ServerBindingCursor):
    """Knows the words of a statement that PostgreSQL had prepared already, so that they can be counted and logged."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)  # type: ignore[call-arg]
        self._adapters = _adapters_of(raw)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        try:
            return super().execute(query, params, **options)  # type: ignore[misc]
        finally:
            if getattr(self, "_query", None) is None:
                self._query = SimpleNamespace(query=str(query).encode(), params=params)


def fetch_prepared(sql: str, arguments: Sequence[Any] | Mapping[str, Any], *, named: bool = False) -> list[Any]:
    """All rows a statement gives, none where it gives nothing; counted and logged like Django's own.

    As tuples, or `named` as dictionaries.
    """
    connection.ensure_connection()
    raw: Any = connection.connection
    raw.prepare_threshold = 0 if settings.PREPARED_STATEMENTS else None  # for this statement only
    try:
        with connection._prepare_cursor(_Cursor(raw)) as cursor:  # type: ignore[attr-defined]
            cursor.execute(sql, arguments)
            found = list(cursor.fetchall()) if cursor.pgresult.nfields else []
            if not named:
                return found
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found]
    finally:
        raw.prepare_threshold = None


def insert_rows(*rows: Model) -> None:
    """`save(force_insert=True)` of rows, also of several models, in one statement and without a signal.

    Their links are checked when all of them are there. Of none: nothing.
    """
    if not rows:
        return
    fetch_prepared(*insert_statement(*rows))
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def insert_many(rows: Collection[Model]) -> None:
    """`insert_rows` of many of one model; the text is the same for any number. Of none: nothing."""
    if not rows:
        return
    sql, fields = _insert_many(type(next(iter(rows))))
    fetch_prepared(sql, [[_value(row, field, add=True) for row in rows] for field in fields])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update_row(row: Model) -> None:
    """`row.save(force_update=True)` without a signal. Raises `DatabaseError` where it is not there."""
    if not fetch_prepared(*update_statement(row)):
        raise DatabaseError("There is no such row to change.")


def update_rows(rows: Collection[Model], names: Sequence[str]) -> None:
    """`bulk_update(rows, names)` in one statement, whose text is the same for any number of rows. Of none: nothing."""
    if not rows:
        return
    sql, fields = _update_many(type(next(iter(rows))), tuple(names))
    fetch_prepared(sql, [[_value(row, field, add=False) for row in rows] for field in fields])


def insert_statement(*rows: Model) -> tuple[str, list[Any]]:
    """SQL, which depends on the models only, and values."""
    models = tuple(type(row) for row in rows)
    return _insert(models), [value for row in rows for value in insert_values(row)]


def insert_values(row: Model) -> list[Any]:
    """The values of a new row, in the order of `insert_columns`."""
    return [_value(row, field, add=True) for field in _given(type(row))]


@functools.cache
def insert_columns(model: type[Model]) -> tuple[str, str]:
    """The columns of a new row, and as many typed places for their values, for an INSERT … SELECT."""
    fields = _given(model)
    # Without its length: a cast to varchar(n) would cut off what is too long, where an INSERT refuses it.
    types = [str(field.db_type(connection)).partition("(")[0] for field in fields]
    return ", ".join(f'"{field.column}"' for field in fields), ", ".join(f"%s::{kind}" for kind in types)


def _given(model: type[Model]) -> "list[Field[Any, Any]]":
    """The fields of a new row that are ours to give: a number that counts up is drawn by the database."""
    return [field for field in model._meta.concrete_fields if field is not model._meta.auto_field]


def update_statement(row: Model) -> tuple[str, list[Any]]:
    """SQL, which depends on the model only, and values."""
    sql, fields = _update(type(row))
    return sql, [*(_value(row, field, add=False) for field in fields), row.pk]


def _value(row: Model, field: "Field[Any, Any]", *, add: bool) -> Any:
    value = field.pre_save(row, add)
    return value if type(value) in _AS_THEY_ARE else field.get_db_prep_save(value, connection)


@functools.lru_cache(maxsize=256)  # of as many kinds as there are numbers of rows
def _insert(models: tuple[type[Model], ...]) -> str:
    *others, last = [_insert_of(model, len(list(of_one))) for model, of_one in itertools.groupby(models)]
    parts = ", ".join(f"part_{number} AS ({sql})" for number, sql in enumerate(others))
    return f"WITH {parts} {last}" if parts else last


def _insert_of(model: type[Model], number: int) -> str:
    fields = _given(model)
    names = ", ".join(f'"{field.column}"' for field in fields)
    row = f"({', '.join('%s' for _field in fields)})"
    rows = ", ".join([row] * number)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {rows}'  # noqa: S608 - a model's names


@functools.cache
def _insert_many(model: type[Model]) -> tuple[str, "list[Field[Any, Any]]"]:
    fields = _given(model)
    names = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT * FROM unnest({_lists(fields)})', fields  # noqa: S608


def _lists(fields: "Sequence[Field[Any, Any]]") -> str:
    """Typed places for a list of values of each field; without a length, which would cut off what is too long."""
    return ", ".join(f"%s::{str(field.db_type(connection)).partition('(')[0]}[]" for field in fields)


@functools.cache
def _update(model: type[Model]) -> tuple[str, "list[Field[Any, Any]]"]:
    table, key = model._meta.db_table, model._meta.pk.column
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    return f'UPDATE "{table}" SET {changes} WHERE "{table}"."{key}" = %s RETURNING true', fields  # noqa: S608


@functools.cache
def _update_many(model: type[Model], names: tuple[str, ...]) -> tuple[str, "list[Field[Any, Any]]"]:
    table, key = model._meta.db_table, model._meta.pk
    fields = [field for field in model._meta.concrete_fields if field.name in names]
    assert len(fields) == len(names), f"{model.__name__} has no such fields: {names}"
    columns = ", ".join(f'"{field.column}"' for field in (key, *fields))
    changes = ", ".join(f'"{field.column}" = new."{field.column}"' for field in fields)
    given = f"unnest({_lists([key, *fields])}) AS new ({columns})"
    sql = f'UPDATE "{table}" SET {changes} FROM {given} WHERE "{table}"."{key.column}" = new."{key.column}"'  # noqa: S608
    return sql, [key, *fields]
