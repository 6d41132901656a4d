"""A tool's declaration as Vapi's function JSON. Sources: Vapi's OpenAPI (CreateFunctionToolDTO, OpenAIFunction)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from pms.tools.registry import Tool

TIMEOUT_SECONDS = 20  # Vapi's own default; ours ends long before
_STILL_WORKING_MS = 4000
# For the model, not the caller: it would otherwise say what it expected to hear.
_FAILED = (
    "This did not answer, so nobody knows whether anything was done. Say that it did not work and that you cannot tell "
    "more; never say that it is done."
)


def vapi_function(tool: Tool, *, url: str) -> dict[str, Any]:
    """Return what Vapi needs to offer a tool to its model; ``url`` is the webhook's."""
    return {
        "type": "function",
        "async": False,
        "function": {
            "name": tool.name,
            "description": tool.purpose,
            "strict": False,
            "parameters": parameters(tool),
        },
        "server": {"url": url, "timeoutSeconds": TIMEOUT_SECONDS},
        "messages": [
            {"type": "request-start", "content": tool.filler, "blocking": False},
            {
                "type": "request-response-delayed",
                "content": "I am still working on that.",
                "timingMilliseconds": _STILL_WORKING_MS,
            },
            {"type": "request-failed", "role": "system", "content": _FAILED},
        ],
    }


def parameters(tool: Tool) -> dict[str, Any]:
    """Return a tool's arguments as the JSON Schema that Vapi accepts; only what a voice model should give."""
    fields = {name: field for name, field in tool.arguments().fields.items() if _is_for_models(field)}
    return {
        "type": "object",
        "properties": {name: _property(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
    }


def _is_for_models(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    return not isinstance(field, serializers.BaseSerializer) and not getattr(field, "rest_only", False)


def _property(field: serializers.Field[Any, Any, Any, Any]) -> dict[str, Any]:
    is_switch = isinstance(field, serializers.BooleanField)
    described: dict[str, Any] = {"type": "boolean" if is_switch else "string", "description": str(field.help_text)}
    if isinstance(field, serializers.ChoiceField):
        described["enum"] = list(field.choices)
    return described
