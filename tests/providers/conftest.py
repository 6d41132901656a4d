from __future__ import annotations

from collections.abc import Iterator

import pytest

from pms.domain.clock import Budget, SystemClock
from tests.providers.loopback import Script, loopback


@pytest.fixture
def server() -> Iterator[Script]:
    with loopback() as script:
        yield script


@pytest.fixture
def budget() -> Budget:
    return Budget(5.0, SystemClock())
