"""JSON in and out, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from pms.domain import errors


class StrictJsonParser(BaseParser):
    """Reads JSON (RFC 8259) from the raw bytes, whatever charset the header claims; too deep a body is no JSON."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return json.loads(stream.read(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise errors.ArgumentsUnreadable("The body is not JSON.") from None


class JsonAnswers(DefaultContentNegotiation):
    """Answers in JSON, whatever the request says it accepts: there is nothing else to choose from."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON.")
