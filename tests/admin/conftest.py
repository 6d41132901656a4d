"""A practice, and a superuser who looks at it."""

from __future__ import annotations

import pytest
from django.db.models import Model
from django.test import Client

from accounts.models import User
from tests.admin import rows

Rows = dict[type[Model], Model]


@pytest.fixture
def seeded(db: None) -> Rows:
    return rows.practice()


@pytest.fixture
def desk(db: None) -> Client:
    """A superuser's browser: nobody may more."""
    client = Client()
    client.force_login(User.objects.create_superuser("support@parlae.example", None))
    return client
