"""Callers of Alder Dental."""

from tests.tools.conftest import caller, cora, quick_office

__all__ = ["caller", "cora", "quick_office"]
