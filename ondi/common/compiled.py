"""Hot reads: the queryset stays the text people read, its SQL is made once and kept.

Compiling costs Django more than PostgreSQL takes for the answer. A `CompiledQuery` compiles its queryset the first
time it is asked, with markers for what changes, and then only fills these in. `fresh` is the slow, obvious form;
tests hold that both are the same.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Lookup, QuerySet

from ondi.common.prepared import fetch_prepared

Build = Callable[..., QuerySet[Any, Any]]
_LIMIT, _OFFSET = 20_000_001, 10_000_001
_SLICE = f"LIMIT {_LIMIT} OFFSET {_OFFSET}"
PAGE = slice(_OFFSET, _OFFSET + _LIMIT)


@dataclass(frozen=True, slots=True)
class Who:
    """A viewer of markers, where a queryset asks for an actor. `sees_desk`: whether it is of a support user."""

    tenant_id: UUID
    membership_id: UUID
    sees_desk: bool = False

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return (self.tenant_id,)

    @property
    def support_tenant_ids(self) -> tuple[UUID, ...]:
        return self.tenant_ids if self.sees_desk else ()


_TENANT, _MEMBER = UUID(int=1), UUID(int=2)


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    places: tuple[tuple[str | None, Any], ...]
    row: Any
    converters: tuple[tuple[int, tuple[Any, ...], Any], ...]


class CompiledQuery:
    """`build(viewer, **values)` gives the queryset; `values` are ids, words or the `page`, a slice.

    One statement is kept for each set of values given, each kind of viewer and each length of a page: where
    PostgreSQL does not know how few rows are wanted, it makes a plan for many. Rows come as of
    `values_list(..., named=True)`.
    """

    def __init__(self, build: Build) -> None:
        self.fresh = build
        self._kept: dict[Any, _Statement] = {}

    def rows(self, viewer: Any, *, start: int = 0, limit: int = 1, **values: Any) -> list[Any]:
        """The rows of `limit` from `start`, where the queryset is sliced by `page`; else all of them."""
        statement = self._statement(viewer, values, limit)
        known = {"tenant": viewer.tenant_id, "member": viewer.membership_id, "offset": start, **values}
        found = fetch_prepared(
            statement.sql, [value if name is None else known[name] for name, value in statement.places]
        )
        if not statement.converters:
            return [statement.row(*values) for values in found]
        return [self._converted(statement, values) for values in found]

    def count(self, viewer: Any, **values: Any) -> int:
        """How many rows there are."""
        statement = self._statement(viewer, values)
        known = {"tenant": viewer.tenant_id, "member": viewer.membership_id, **values}
        arguments = [value if name is None else known[name] for name, value in statement.places]
        sql = f"SELECT count(*) FROM ({statement.sql}) AS found"  # noqa: S608 - Django's own SQL
        return int(fetch_prepared(sql, arguments)[0][0])

    def statement_for(self, viewer: Any, values: Mapping[str, Any], *, limit: int = 1) -> str:
        """The kept SQL, for tests."""
        return self._statement(viewer, values, limit).sql

    def _statement(self, viewer: Any, values: Mapping[str, Any], limit: int = 1) -> _Statement:
        key = (tuple(sorted(values)), bool(viewer.support_tenant_ids), limit)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = self._compiled(bool(viewer.support_tenant_ids), sorted(values), limit)
        return kept

    def _compiled(self, sees_desk: bool, names: list[str], limit: int) -> _Statement:
        marks: dict[str, Any] = {name: UUID(int=100 + place) for place, name in enumerate(names)}
        queryset = self.fresh(Who(_TENANT, _MEMBER, sees_desk), page=PAGE, **marks)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, arguments = compiler.as_sql()
        meaning = {_TENANT: "tenant", _MEMBER: "member", **{mark: name for name, mark in marks.items()}}
        places: list[tuple[str | None, Any]] = [
            (meaning.get(UUID(str(argument))) if _is_mark(argument) else None, argument) for argument in arguments
        ]
        if _SLICE in sql:
            head, tail = sql.split(_SLICE)
            at = head.count("%s")
            sql = f"{head}LIMIT {int(limit)} OFFSET %s{tail}"
            places.insert(at, ("offset", None))
        row = namedtuple("Row", queryset._fields)  # type: ignore[attr-defined, misc]
        expressions = [expression for expression, _sql, _alias in compiler.select]
        converters = tuple(
            (place, tuple(found), expression)
            for place, (found, expression) in compiler.get_converters(expressions).items()
        )
        return _Statement(sql, tuple(places), row, converters)

    @staticmethod
    def _converted(statement: _Statement, values: Any) -> Any:
        row = list(values)
        for place, converters, expression in statement.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
        return statement.row(*row)


class AnyOf(Lookup):
    """`filter(AnyOf(F("id"), ids))`: like `in`, in one and the same statement however many there are."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, arguments = compiler.compile(self.lhs)
        return f"{sql} = ANY (%s)", (*arguments, self.rhs)


def _is_mark(argument: Any) -> bool:
    """A marker may have become text on its way into the statement."""
    try:
        return UUID(str(argument)).int < 200
    except ValueError:
        return False
