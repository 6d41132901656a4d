"""Plain SQL for the few statements that every message or tool call makes.

The ORM compiles a query anew each time it runs, and for these that costs several times the database's answer. Names of
tables and columns are the models', values are always parameters, and what comes out are the models' own objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
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


def select(model: type[Model], where: str) -> str:
    """Return the statement that selects whole rows of a model."""
    return f"SELECT {columns(model)} FROM {table(model)} WHERE {where}"  # noqa: S608  # constants of ours


def stored(model: type[Model], **values: object) -> list[Any]:
    """Return the values of columns as this database takes them, in their order."""
    return [fields(model)[name].get_db_prep_save(value, connection) for name, value in values.items()]


def rows(model: type[M], statement: str, parameters: Sequence[Any]) -> list[M]:
    """Run a statement that returns ``columns`` of a model, and return its rows as objects."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    return [model.from_db(connection.alias, list(fields(model)), _converted(model, row)) for row in found]


def row(model: type[M], statement: str, parameters: Sequence[Any]) -> M | None:
    """Return the first of ``rows``, or ``None``."""
    return next(iter(rows(model, statement, parameters)), None)


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
