"""JSON in and out, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

import simplejson
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

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


class JsonRenderer(BaseRenderer):
    """Writes JSON in which an amount is a number with its two decimals, as the practice's system has it."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is None:
            return b""
        text: str = simplejson.dumps(
            data,
            use_decimal=True,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=JSONEncoder().default,
        )
        return text.encode()


class JsonAnswers(DefaultContentNegotiation):
    """Answers in JSON, whatever the request says it accepts: there is nothing else to choose from."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON.")
