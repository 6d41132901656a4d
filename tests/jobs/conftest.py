"""Callers of Alder Dental, and their appointments."""

from tests.tools.conftest import cora, number, quick_office

__all__ = ["cora", "number", "quick_office"]
