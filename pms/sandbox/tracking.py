"""The APIs that follow write-backs: writeback_status, writebacks."""

from datetime import date

from . import errors, fields
from .envelope import listing
from .errors import Refusal
from .message import Answer, Request, as_json
from .reads import day_of
from .truth import Office
from .world import World

LONGEST_WINDOW = 7  # days between startdate and enddate


def status(world: World, office: Office, request: Request) -> Answer:
    """GET /writeback_status?id=: the envelope in an array of one; another office's id is nothing found."""
    wanted = request.query.get("id", "")
    if not wanted:
        raise Refusal("API1020")
    owner, job = world.jobs.get(wanted, (None, None))
    told = world.settings.tell_created_id
    rows = [job.status_row(office, with_created_id=told)] if job and owner is office else []
    return listing(fields.WRITEBACK_STATUS, rows, request, world.url, wrapped=True)


def made(world: World, request: Request) -> Answer:
    """GET /writebacks: all offices of the application mixed, by the practice-local day of the request."""
    first, last = day_of(request, "startdate"), day_of(request, "enddate")
    if not first or not last:
        raise Refusal("API1020")
    if (date.fromisoformat(last) - date.fromisoformat(first)).days > LONGEST_WINDOW:
        raise Refusal("API1026")
    wanted = request.query.get("id", "")
    rows = [
        job.list_row(office, world.api_url)
        for office, job in world.jobs.values()
        if first <= office.local(job.accepted_at).date().isoformat() <= last and wanted in ("", job.id)
    ]
    return listing(fields.WRITEBACKS, rows, request, world.url)


def withdraw(world: World, request: Request) -> Answer:
    """DELETE /writebacks?id=: only while pending."""
    wanted = request.query.get("id", "")
    if not wanted:
        raise Refusal("API1020")
    _owner, job = world.jobs.get(wanted, (None, None))
    if job is None or job.outcome is not None:
        raise Refusal("API1026", "Only pending writeback request can be deleted.")
    del world.jobs[wanted]
    return as_json(errors.body("API4006", "Writeback request deleted successfully."))
