"""The pages of ``docs/`` that are made from the declarations: tools, errors, safety, how the two faces fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from pms.domain import errors
from pms.management import booking_safety
from pms.management.markdown import note, page, table
from pms.providers import registry as providers
from pms.providers.base import Capability
from pms.services import charts, directory
from pms.tools.registry import TOOLS, Tool
from pms.tools.schema import parameters

_VENDOR = "SIKKA"
_UNDESCRIBED = (
    ("`POST /api/pms/vapi/webhook`", "Everything that Vapi sends: tool calls, and what becomes of a call."),
)
# What of an answer may be a few minutes old.
_HOURS = (("people and rooms", directory.PEOPLE_TTL), ("opening hours", directory.SCHEDULE_TTL))
_KEPT: Mapping[str, Sequence[tuple[str, timedelta]]] = {
    **dict.fromkeys(("checkAvailability", "bookAppointment", "rescheduleAppointment"), _HOURS),
    **dict.fromkeys(
        ("getPatientInfo", "getPatientNotes", "getInsurance", "getBalance"), (("chart", charts.CHART_TTL),)
    ),
}
# What a tool may use of a connection beside the capability that it cannot do without.
_ALSO_USES: Mapping[str, Sequence[Capability]] = {
    "bookAppointment": (Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS),
    "rescheduleAppointment": (Capability.READ_SCHEDULE, Capability.MOVE_APPOINTMENT),
    "cancelAppointment": (Capability.CANCEL_APPOINTMENT,),
    "confirmAppointment": (Capability.CONFIRM_APPOINTMENT,),
    "createPatient": (Capability.READ_PATIENTS,),
    "checkAvailability": (Capability.READ_APPOINTMENTS,),
}
# Served at another tool's address.
_SERVED_BY = {"confirmAppointment": "rescheduleAppointment"}


def tools() -> str:
    """Return the page about the voice agent's tools and their arguments."""
    lines = ["# Tools", "", note("`pms/tools/registry.py`"), ""]
    lines += [
        "What they answer when something is refused or fails: [errors.md](errors.md). Over REST: [api.md](api.md)."
    ]
    for tool in TOOLS.values():
        lines += ["", f"## {tool.name}", "", tool.purpose, "", " ".join(_conditions(tool)), ""]
        schema = parameters(tool)
        rows = [
            (f"`{name}`", "required" if name in schema["required"] else "optional", described["description"])
            for name, described in schema["properties"].items()
        ]
        lines += table(("argument", "", "meaning"), rows) if rows else ["No arguments."]
    return page(lines)


def errors_page() -> str:
    """Return the page about every error code."""
    lines = ["# Errors", "", note("`pms/domain/errors.py`"), ""]
    lines += [
        'Over REST a refusal is `{"success": false, "error": {"code", "message", "retryable", "requestId", "fields"?}}`'
        " with the status below; `rate_limited` comes with `Retry-After`. By voice it is the sentence, which names "
        "nobody and promises nothing; a tool may have a more exact one.",
        "",
    ]
    rows = [
        (
            f"`{code}`",
            str(error.status),
            "yes" if error.retryable else "no",
            error.default_message,
            error.default_spoken,
        )
        for code, error in sorted(_errors().items())
    ]
    return page(lines + table(("code", "HTTP", "a repetition may help", "meaning", "what the agent says"), rows))


def api() -> str:
    """Return the page that says, for each tool, where it is, what it needs and what it leaves behind."""
    described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    places = _places(described)
    lines = ["# The API", "", note("the declarations of tools, addresses and adapters"), ""]
    lines += [
        "Every operation with its shapes, examples and error codes is in the OpenAPI description at `/api/schema/`. "
        "A Vapi envelope that is POSTed to any of these addresses is answered as one.",
        "",
        "## Tools",
        "",
        "*Scope* is what a system credential needs, *capability* what the connection must be able to do, *kept* how "
        "long what was read may be told again, *audit* the action in the audit log: one row for what reads, an intent "
        "and an outcome for what changes. The calls are Sikka's; beside them come the key, and for what changes "
        "`GET /writeback_status`.",
        "",
    ]
    rows = [_row(tool, places.get(_SERVED_BY.get(tool.name, tool.name))) for tool in TOOLS.values()]
    header = ("endpoint", "tool", "by voice", "capability", "scope", "Sikka", "kept", "audit")
    lines += table(header, rows)
    lines += ["", "## The rest", ""]
    rest = [(f"`{place}`", words) for name, (place, words) in places.items() if name not in TOOLS]
    lines += table(("endpoint", "what it does"), [*rest, *_UNDESCRIBED])
    return page(lines)


PAGES: Mapping[str, Callable[[], str]] = {
    "tools.md": tools,
    "errors.md": errors_page,
    "api.md": api,
    booking_safety.NAME: booking_safety.page,
}


def _places(described: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return where each operation is, and its description, by the operation's name."""
    return {
        operation["operationId"]: (f"{method.upper()} {path}", operation["description"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def uses(tool: Tool) -> list[Capability]:
    """Return what a tool uses of a connection, what it cannot do without first."""
    return [*([tool.capability] if tool.capability else []), *_ALSO_USES.get(tool.name, ())]


def _row(tool: Tool, place: tuple[str, str] | None) -> tuple[str, ...]:
    calls = providers.service_class(_VENDOR).vendor_calls
    asked = dict.fromkeys(call for capability in uses(tool) for call in calls.get(capability, ()))
    kept = [f"{what} {span.total_seconds() / 60:.0f} min" for what, span in _KEPT.get(tool.name, ())]
    return (
        f"`{place[0]}`" if place else "",
        f"`{tool.name}`",
        "yes" if tool.for_voice else "no",
        ", ".join(f"`{capability}`" for capability in uses(tool)),
        f"`{tool.scope}`" if tool.scope else "that of the change",
        ", ".join(f"`{call}`" for call in asked),
        ", ".join(kept),
        f"`{tool.name}`" if tool.needs_pms else "",
    )


def _conditions(tool: Tool) -> list[str]:
    needed = [f"`{tool.capability}` of the connection"] if tool.capability else []
    needed += [f"the feature `{tool.feature}`"] if tool.feature else []
    said = [f"Needs {' and '.join(needed)}."] if needed else []
    if not tool.needs_pms:
        said = ["Works also without the practice's system."]
    if tool.asks_itself:
        said.append("Where the connection cannot do it, the team gets a task.")
    needs_scope = f"A system credential needs the scope `{tool.scope}`."
    said.append(needs_scope if tool.scope else "A system credential needs a scope of what was changed.")
    if not tool.for_voice:
        return [*said, "Over REST only."]
    return [*said, "By voice only within a live call." if tool.discloses else "Discloses no patient data."]


def _errors() -> dict[str, type[errors.ParlaeError]]:
    """Return one class per public code, the most general one."""
    found: dict[str, type[errors.ParlaeError]] = {}
    waiting = [errors.ParlaeError]
    while waiting:
        error = waiting.pop(0)
        found.setdefault(error.code, error)
        waiting += error.__subclasses__()
    return found
