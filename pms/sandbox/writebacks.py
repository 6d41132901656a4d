"""Write-backs: accepted by the cloud at once, carried out later by the computer in the office."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from . import fields
from .errors import Refusal, body
from .fields import Row
from .message import Answer, as_json
from .truth import Office

FIRST_ID = 480001
# What a receipt is labelled as; the documentation shows JSON bodies under this type.
RECEIPT_TYPE = "text/html; charset=utf-8"

Payload = Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What the office's computer reports: `result` in the vendor's words, and the id it created, if any."""

    result: str
    created_id: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Operation:
    """One kind of write-back; no two share `method` and `api`.

    `api` is its name in /writebacks, `listed_as` its name in writeback_status, `required` the body fields without which
    it is refused, `check` refuses what the cloud can see is wrong, `apply` does it to the PMS truth. `flag` is the
    column of supported_pmses that a PMS needs for it, "" where there is none.
    """

    method: str
    api: str
    listed_as: str
    required: tuple[str, ...]
    receipt: str
    check: Callable[[Office, Payload, datetime], None]
    apply: Callable[[Office, "Job"], Outcome]
    flag: str = ""

    @property
    def name(self) -> str:
        """Such as "POST patient"."""
        return f"{self.method} {self.api}"

    def carry_out(self, office: Office, job: "Job") -> Outcome:
        """Do it, if the office's PMS is one that takes it."""
        if self.flag and self.flag not in office.profile.system.writes:
            return Outcome("Writeback is not supported for this practice management system", failed=True)
        return self.apply(office, job)


@dataclass
class Job:
    """One accepted write-back. `target` is the id in the path, if there is one."""

    id: str
    operation: Operation
    target: str
    payload: Payload
    text: str
    accepted_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    outcome: Outcome | None = None

    def status_row(self, office: Office, *, with_created_id: bool) -> Row:
        """The item of writeback_status; times are the practice's wall clock."""
        done, outcome = self.done_at, self.outcome
        failed = outcome is not None and outcome.failed
        return fields.WRITEBACK_STATUS.row(
            id=self.id,
            office_id=office.profile.office_id,
            method=self.operation.method,
            api=self.operation.listed_as,
            payload_body=self.text,
            appointment_sr_no=self.target if self.operation.listed_as == "appointments" else "",
            request_time=f"{office.local(self.accepted_at):%Y-%m-%d %H:%M:%S}",
            is_completed=str(outcome is not None),
            has_error=str(failed),
            completed_time=f"{office.local(done):%Y-%m-%d %H:%M:%S}" if done else "",
            result=outcome.result if outcome else "",
            practice_id=self.payload.get("practice_id", ""),
            status="Pending" if outcome is None else "Failed" if failed else "Success",
            patient_id=self.target if self.operation.listed_as == "patients" else self.payload.get("patient_id", ""),
            created_id=outcome.created_id if outcome and with_created_id else "",
        )

    def list_row(self, office: Office, api_url: str) -> Row:
        """The item of /writebacks. Its body text carries the request key, masked here."""
        done = self.done_at
        asked = "".join(f"&{name}={value}" for name, value in self.payload.items())
        tail = f"&apiname={self.operation.method} {self.operation.listed_as}" + (
            f"&id={self.target}" if self.target else ""
        )
        return fields.WRITEBACKS.row(
            href=f"{api_url}/writebacks/{self.id}",
            id=self.id,
            result=self.outcome.result if self.outcome else "pending",
            office_id=office.profile.office_id,
            method=self.operation.method,
            api_name=self.operation.api,
            api_request_body=f"request_key=********{asked}{tail}",
            command_time=f"{office.local(self.accepted_at):%Y-%m-%dT%H:%M:%S}",
            completed_time=f"{office.local(done):%Y-%m-%dT%H:%M:%S}" if done else "",
            duration_in_second=str(int((done - self.accepted_at).total_seconds())) if done else "",
        )


def payload_of(values: Mapping[str, object]) -> dict[str, str]:
    """The body's scalars as text; a list or an object where a scalar belongs is refused."""
    payload: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict | list):
            raise Refusal("API1026")
        payload[name] = "" if value is None else str(value).strip()
    return payload


def admit(office: Office, operation: Operation, payload: Payload, now: datetime) -> None:
    """Refuse what the cloud refuses: missing fields, unknown practice, bad values; with check_spu an offline office."""
    if any(not payload.get(name) for name in operation.required):
        raise Refusal("API1020")
    if payload["practice_id"] not in office.access:
        raise Refusal("API1026")
    if not office.access[payload["practice_id"]]:
        raise Refusal("API2007")
    operation.check(office, payload, now)
    if payload.get("check_spu", "").lower() == "true" and not office.online:
        raise Refusal("API2017")


def receipt(job: Job, api_url: str) -> Answer:
    """What an accepted write-back is answered with: the id stands in the text."""
    flat = body(job.operation.receipt, f"Id:{job.id}", f"{api_url}/writeback_status?id={job.id}")
    return as_json(flat, int(flat["http_code"]), RECEIPT_TYPE)
