"""The team's tasks, for the people who do them: lists that name nobody, and one task opened.

What is done with a task is in ``services.task_work``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from accounts import roles
from accounts.models import Account, Membership, User
from accounts.roles import Permission
from pms.domain import errors
from pms.models import Task, TaskNote, TaskState
from pms.services import disclosure, paging, requests, task_words, tasks
from pms.services.audit import Asker
from pms.services.paging import Page
from pms.services.task_words import Told

NOBODY = "nobody"
# The filters by what a task is about.
GROUPS: Mapping[str, tuple[str, Q]] = {
    "requests": ("Requests for appointments", Q(kind=requests.KIND)),
    "messages": ("Messages", Q(kind__in=("message", "wants_a_person"))),
    "changes": ("Things to do by hand", Q(kind__startswith="please_")),
    "checks": (
        "Things to look after",
        ~Q(kind__in=(requests.KIND, "message", "wants_a_person")) & ~Q(kind__startswith="please_"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One task in the list; times are the practice's. ``number`` is what the caller has heard of a request."""

    id: UUID
    kind: str
    told: Told
    is_open: bool
    is_request: bool
    is_test: bool
    number: str
    assignee_id: UUID | None
    assignee: str
    resolution: str
    resolved_by: str
    created_at: datetime
    resolved_at: datetime | None
    call_id: UUID | None
    booking_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody has written to a task; ``text`` is empty where it is no longer kept."""

    author: str
    at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One task, opened. ``said`` has labels and words, and is empty where they are no longer kept."""

    row: Row
    said: tuple[tuple[str, str], ...] = field(repr=False)
    notes: tuple[Note, ...] = field(repr=False)
    may_reopen: bool


def listed(
    *,
    account: Account,
    is_open: bool = True,
    assignee: str = "",
    group: str = "",
    before: str = "",
    after: str = "",
) -> Page[Row]:
    """Return a page of tasks, newest first; ``assignee`` is a user's id or ``NOBODY``, ``group`` one of ``GROUPS``."""
    found = Task.objects.filter(account=account, state=TaskState.OPEN if is_open else TaskState.DONE)
    if assignee:
        found = found.filter(assigned_to=None if assignee == NOBODY else _uuid(assignee))
    if group in GROUPS:
        found = found.filter(GROUPS[group][1])
    found = found.select_related("assigned_to", "resolved_by", "call")
    return paging.page(found, by="created_at", before=before, after=after).of(lambda one: _row(one, account))


def counts(*, account: Account, user: User) -> dict[str, int]:
    """Return how many tasks are open: ``all``, ``mine``, ``nobody`` (nobody's), and each of ``GROUPS``."""
    wanted = {"all": Q(), "mine": Q(assigned_to=user), NOBODY: Q(assigned_to=None)}
    wanted |= {name: about for name, (_, about) in GROUPS.items()}
    found = Task.objects.filter(account=account, state=TaskState.OPEN)
    return found.aggregate(**{name: Count("pk", filter=Q(pk__isnull=False) & about) for name, about in wanted.items()})


def members(*, account: Account) -> list[tuple[UUID, str]]:
    """Return who may be given a task, by id and name."""
    able = [role for role in roles.Role if roles.allows(role, Permission.WORK_TASKS)]
    found = Membership.objects.filter(account=account, is_active=True, user__is_active=True, role__in=able)
    people = found.select_related("user").order_by("user__name", "user__email")
    return [(one.user_id, named(one.user)) for one in people]


def opened(*, account: Account, pk: UUID, asker: Asker) -> Detail:
    """Return one task with what it says. Raises ``WriteNotFound``, and ``Internal`` without evidence."""
    task = find(account, pk)
    summary = {"task": str(task.pk), "kind": task.kind}
    disclosure.record(account=account, asker=asker, action="viewTask", summary=summary, patient_id=task.patient_id)
    return Detail(
        row=_row(task, account),
        said=tuple(task_words.details(tasks.detail_of(task), account.zone)),
        notes=tuple(_note(one, account) for one in task.notes.select_related("author").order_by("created_at")),
        may_reopen=may_reopen(task),
    )


def find(account: Account, pk: UUID) -> Task:
    """Return one of the account's tasks. Raises ``WriteNotFound``."""
    found = Task.objects.filter(account=account, pk=pk).select_related("account", "assigned_to", "resolved_by", "call")
    task = found.first()
    if task is None:
        raise errors.WriteNotFound
    return task


def may_reopen(task: Task) -> bool:
    """Return whether a task is done, and what it says is still kept; a request is decided for good."""
    return task.state == TaskState.DONE and not task.resolution and task.kind != requests.KIND and bool(task.detail)


def _note(note: TaskNote, account: Account) -> Note:
    return Note(author=named(note.author), at=note.created_at.astimezone(account.zone), text=tasks.note_text(note))


def _row(task: Task, account: Account) -> Row:
    return Row(
        id=task.pk,
        kind=task.kind,
        told=task_words.told(task.kind),
        is_open=task.state == TaskState.OPEN,
        is_request=task.kind == requests.KIND,
        is_test=task.call is not None and task.call.is_test,
        number=task.number,
        assignee_id=task.assigned_to_id,
        assignee=named(task.assigned_to),
        resolution=task.get_resolution_display(),
        resolved_by=named(task.resolved_by),
        created_at=task.created_at.astimezone(account.zone),
        resolved_at=task.resolved_at.astimezone(account.zone) if task.resolved_at else None,
        call_id=task.call_id,
        booking_id=task.booking_id,
    )


def named(user: User | None) -> str:
    """Return what a person is called, empty for nobody."""
    return (user.name or user.email) if user else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
