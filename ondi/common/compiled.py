"""Hot reads: the queryset stays the text people read, its SQL is made once and kept.

Compiling costs Django more than PostgreSQL takes for the answer. A `CompiledQuery` compiles its queryset the first
time it is asked, with markers for what changes, and then only fills these in. `fresh` is the slow, obvious form;
tests hold that both are the same.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Lookup, QuerySet
from psycopg.sql import Literal

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
    sees_queue: bool = False

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return (self.tenant_id,)

    @property
    def support_tenant_ids(self) -> tuple[UUID, ...]:
        return self.tenant_ids if self.sees_queue else ()


_TENANT, _MEMBER, _START = UUID(int=1), UUID(int=2), UUID(int=3)
_ALWAYS = {_TENANT: "tenant", _MEMBER: "member", _START: "start"}


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    names: tuple[str, ...]
    row: Any
    converters: tuple[tuple[int, tuple[Any, ...], Any], ...]


class CompiledQuery:
    """`build(viewer, **values)` gives the queryset; `values` are ids, words, moments or the `page`, a slice.

    PostgreSQL makes one plan of a statement for all values to come. What it must know to make a good one stands in the
    text: what is always the same, how many rows are wanted, and the values `written`, names of such as have few (only
    open tickets are in some indexes). So one statement is kept for each of these, each set of other values given and
    each kind of viewer. Rows come as of `values_list(..., named=True)`.
    """

    def __init__(self, build: Build, *, written: Sequence[str] = ()) -> None:
        self.fresh = build
        self._written = written
        self._kept: dict[Any, _Statement] = {}

    def rows(self, viewer: Any, *, start: int = 0, limit: int = 1, **values: Any) -> list[Any]:
        """The rows of `limit` from `start`, where the queryset is sliced by `page`; else all of them."""
        statement, arguments = self._asked(viewer, values, start, limit)
        found = fetch_prepared(statement.sql, arguments)
        if not statement.converters:
            return [statement.row(*values) for values in found]
        return [self._converted(statement, values) for values in found]

    def count(self, viewer: Any, **values: Any) -> int:
        """How many rows there are."""
        statement, arguments = self._asked(viewer, values)
        sql = f"SELECT count(*) FROM ({statement.sql}) AS found"  # noqa: S608 - Django's own SQL
        return int(fetch_prepared(sql, arguments)[0][0])

    def statement(self, viewer: Any, *, start: int = 0, limit: int = 1, **values: Any) -> tuple[str, list[Any]]:
        """The kept SQL and the arguments to it, for tests."""
        statement, arguments = self._asked(viewer, values, start, limit)
        return statement.sql, arguments

    def _asked(
        self, viewer: Any, values: Mapping[str, Any], start: int = 0, limit: int = 1
    ) -> tuple[_Statement, list[Any]]:
        statement = self._statement(viewer, values, limit)
        known = {"tenant": viewer.tenant_id, "member": viewer.membership_id, "start": start, **values}
        return statement, [known[name] for name in statement.names]

    def _statement(self, viewer: Any, values: Mapping[str, Any], limit: int) -> _Statement:
        written = tuple((name, values[name]) for name in self._written if name in values)
        key = (tuple(sorted(values)), written, bool(viewer.support_tenant_ids), limit)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = self._compiled(
                bool(viewer.support_tenant_ids), sorted(values), dict(written), limit
            )
        return kept

    def _compiled(self, sees_queue: bool, names: list[str], written: dict[str, Any], limit: int) -> _Statement:
        marks: dict[str, Any] = {name: UUID(int=100 + place) for place, name in enumerate(names)}
        queryset = self.fresh(Who(_TENANT, _MEMBER, sees_queue), page=PAGE, **(marks | written))
        compiler = queryset.query.get_compiler(connection=connection)
        sql, arguments = compiler.as_sql()
        if _SLICE in sql:
            head, tail = sql.split(_SLICE)
            sql = f"{head}LIMIT {int(limit)} OFFSET %s{tail}"
            arguments = (*arguments[: (at := head.count("%s"))], _START, *arguments[at:])
        meaning = _ALWAYS | {mark: name for name, mark in marks.items()}
        meant = [meaning.get(_mark(argument)) for argument in arguments]
        first, *pieces = sql.split("%s")
        texts = ["%s" if name else _literal(argument) for name, argument in zip(meant, arguments, strict=True)]
        sql = first + "".join(text + piece for text, piece in zip(texts, pieces, strict=True))
        row = namedtuple("Row", queryset._fields)  # type: ignore[attr-defined, misc]
        expressions = [expression for expression, _sql, _alias in compiler.select]
        converters = tuple(
            (place, tuple(found), expression)
            for place, (found, expression) in compiler.get_converters(expressions).items()
        )
        return _Statement(sql, tuple(filter(None, meant)), row, converters)

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


class Before(Lookup):
    """`filter(Before(F("due_at"), moment))`: like `lt`, for a moment whose place is marked."""

    lookup_name = "before"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, arguments = compiler.compile(self.lhs)
        return f"{sql} < %s", (*arguments, self.rhs)


def _mark(argument: Any) -> UUID | None:
    """A marker may have become text on its way into the statement."""
    try:
        return UUID(str(argument))
    except ValueError:
        return None


def _literal(value: Any) -> str:
    return Literal(value).as_string(None).replace("%", "%%")
