"""The addresses of the admin's pages."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

MODELS: list[type[Model]] = [
    *apps.get_app_config("accounts").get_models(),
    *apps.get_app_config("pms").get_models(),
    *apps.get_app_config("auditlog").get_models(),
]


def page(model: type[Model]) -> Any:
    """Return the admin class's instance of a model."""
    return admin.site.get_model_admin(model)


def listing(model: type[Model]) -> str:
    """Return the address of a model's list."""
    return address(model, "changelist")


def detail(row: Model) -> str:
    """Return the address of a row's page."""
    return address(type(row), "change", row)


def address(model: type[Model], view: str, row: Model | None = None) -> str:
    """Return the address of one of a model's views."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}"
    return reverse(name, args=[quote(row.pk)] if row else [])
