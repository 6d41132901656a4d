"""Plain SQL for the few statements that every message or tool call makes.

The ORM compiles a query anew each time, and for these that costs more than the database's answer. What comes out are
its objects all the same, by ``Manager.raw``. Names of tables and columns are the models', values are always parameters.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model


@cache
def fields(model: type[Model]) -> dict[str, Field[Any, Any]]:
    """Return the fields of a model that are columns, by their attribute, which is the column's name."""
    return {field.attname: field for field in model._meta.concrete_fields}


def columns(model: type[Model]) -> str:
    """Return all columns by name: a prepared statement with a ``*`` breaks when a migration adds one."""
    return ", ".join(f'"{name}"' for name in fields(model))


def table(model: type[Model]) -> str:
    """Return the quoted name of a model's table."""
    return f'"{model._meta.db_table}"'


def select(model: type[Model], where: str) -> str:
    """Return the statement that selects whole rows of a model."""
    return f"SELECT {columns(model)} FROM {table(model)} WHERE {where}"  # noqa: S608  # constants of ours


def stored(model: type[Model], **values: object) -> list[Any]:
    """Return the values of columns as this database takes them, in their order."""
    return [fields(model)[name].get_db_prep_save(value, connection) for name, value in values.items()]
