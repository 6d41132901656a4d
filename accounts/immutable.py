"""Rows that are written once."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class Written(Exception):
    """Somebody tried to change what is written once."""


class WrittenOnceQuerySet(models.QuerySet[M]):
    """Reads and adds."""

    def update(self, **kwargs: Any) -> int:
        """Refuse."""
        raise Written("These rows are never changed.")

    def delete(self) -> Any:
        """Refuse."""
        raise Written("These rows are never deleted.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        """Refuse."""
        raise Written("These rows are never changed.")


class WrittenOnce(models.Model):
    """A row that is added and never changed or deleted."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuse to change it."""
        if not self._state.adding:
            raise Written("This row is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        raise Written("This row is never deleted.")
