"""What is written to the log while a test runs."""

from tests.vapi.conftest import logs

__all__ = ["logs"]
