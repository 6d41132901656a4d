"""Plain SQL for the statements that every message or tool call makes.

The ORM compiles a query anew each time it runs, and for these that costs several times the database's answer. Names of
tables and columns are the models', values are always parameters, and what comes out are the models' own objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)


@cache
def fields(model: type[Model]) -> dict[str, Field[Any, Any]]:
    """Return the fields of a model that are columns, by their attribute, which is the column's name."""
    return {field.attname: field for field in model._meta.concrete_fields}


def table(model: type[Model]) -> str:
    """Return the quoted name of a model's table."""
    return f'"{model._meta.db_table}"'


def columns(model: type[Model]) -> str:
    """Return all columns by name: a prepared statement with a ``*`` breaks when a migration adds one."""
    return ", ".join(f'"{name}"' for name in fields(model))


def find(model: type[M], **wanted: object) -> list[M]:
    """Return the rows whose columns, named by attribute, have the wanted values."""
    return rows(model, _select(model, tuple(wanted)), stored(model, **wanted))


def first(model: type[M], **wanted: object) -> M | None:
    """Return one of the rows that ``find`` returns, or ``None``; for what is unique."""
    return next(iter(find(model, **wanted)), None)


def find_overlapping(model: type[M], begins: str, ends: str, start: object, end: object, **wanted: object) -> list[M]:
    """Return the rows that ``find`` returns whose time, from ``begins`` to ``ends``, is not over before ``start``.

    Nor may it begin after ``end``; both edges are included.
    """
    values = stored(model, **wanted, **{ends: start}) + stored(model, **{begins: end})
    return rows(model, _select_overlapping(model, begins, ends, tuple(wanted)), values)


def find_any(model: type[M], wanted: Mapping[str, Sequence[object]]) -> list[M]:
    """Return the rows that have one of the wanted values in one of these columns; nothing wanted finds nothing."""
    counts = tuple((name, len(values)) for name, values in wanted.items() if values)
    values = [fields(model)[name].get_db_prep_save(one, connection) for name, _ in counts for one in wanted[name]]
    return rows(model, _select_any(model, counts), values) if counts else []


def insert(row: Model, *, unless_known: Sequence[str] = ()) -> bool:
    """Insert a new row, and return whether it was: not, if one has the same values in the columns ``unless_known``.

    One statement: to catch a violation instead, it would need a savepoint or a transaction of its own around it. No
    signals are sent.
    """
    model = type(row)
    values = {name: field.pre_save(row, add=True) for name, field in fields(model).items()}
    with connection.cursor() as cursor:
        cursor.execute(_insert(model, tuple(unless_known)), stored(model, **values))
        is_new = not unless_known or cursor.fetchone() is not None
    row._state.adding, row._state.db = not is_new, connection.alias
    return is_new


def stored(model: type[Model], **values: object) -> list[Any]:
    """Return the values of columns as this database takes them, in their order."""
    return [fields(model)[name].get_db_prep_save(value, connection) for name, value in values.items()]


def rows(model: type[M], statement: str, parameters: Sequence[Any]) -> list[M]:
    """Run a statement that returns ``columns`` of a model, and return its rows as objects."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    return [model.from_db(connection.alias, list(fields(model)), _converted(model, row)) for row in found]


@cache
def _select(model: type[Model], names: tuple[str, ...]) -> str:
    where = " AND ".join(f'"{name}" = %s' for name in names)
    return f"SELECT {columns(model)} FROM {table(model)} WHERE {where}"  # noqa: S608  # constants of ours


@cache
def _select_overlapping(model: type[Model], begins: str, ends: str, names: tuple[str, ...]) -> str:
    return f'{_select(model, names)} AND "{ends}" >= %s AND "{begins}" <= %s'


@lru_cache(maxsize=256)  # a message decides how many values there are
def _select_any(model: type[Model], counts: tuple[tuple[str, int], ...]) -> str:
    where = " OR ".join(f'"{name}" IN ({", ".join(["%s"] * count)})' for name, count in counts)
    return f"SELECT {columns(model)} FROM {table(model)} WHERE {where}"  # noqa: S608


@cache
def _insert(model: type[Model], unless_known: tuple[str, ...]) -> str:
    places = ", ".join("%s" for _ in fields(model))
    known = ", ".join(f'"{name}"' for name in unless_known)
    unless = f' ON CONFLICT ({known}) DO NOTHING RETURNING "{model._meta.pk.column}"' if known else ""
    return f"INSERT INTO {table(model)} ({columns(model)}) VALUES ({places}){unless}"  # noqa: S608


def _converted(model: type[Model], row: Sequence[Any]) -> list[Any]:
    values = list(row)
    for place, convert, column in _converters(model, connection.vendor):
        values[place] = convert(values[place], column, connection)
    return values


@cache
def _converters(model: type[Model], _vendor: str) -> list[tuple[int, Callable[..., Any], Any]]:
    """Return what this database's values need before the model takes them: (place, function, its second argument)."""
    return [
        (place, convert, column)
        for place, field in enumerate(fields(model).values())
        for column in [field.get_col(model._meta.db_table)]
        for convert in (*connection.ops.get_db_converters(column), *field.get_db_converters(connection))
    ]
