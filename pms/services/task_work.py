"""What the team does with its tasks: takes them, writes notes, marks them as done, decides about requests.

Whatever two people do at the same time is done once: each change says what it was made from, and who comes second hears
who was quicker (``AlreadyDecided``).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import Account, User
from pms.domain import cards, errors
from pms.domain.clock import Budget, Clock
from pms.models import Booking, Task, TaskNote, TaskState
from pms.services import booking_words, requests, tasks
from pms.services.audit import Asker
from pms.services.task_desk import find, may_reopen, members, named

BUDGET_SECONDS = 8.0
LONGEST_NOTE = 2000
_REOPENED = "Opened again. It was done by {who}."


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approved request has become."""

    booking_id: UUID
    state_words: str
    meaning: str


def assign(*, account: Account, pk: UUID, to: UUID | None, was: UUID | None) -> None:
    """Give an open task that was ``was``'s to a member, or to nobody.

    Raises ``WriteNotFound``, ``Invalid`` for who may not have it, and ``AlreadyDecided`` if that has changed.
    """
    task = find(account, pk)
    if to is not None and to not in dict(members(account=account)):
        raise errors.Invalid(fields={"assignee": "Choose somebody of the practice."})
    mine = Task.objects.filter(pk=task.pk, state=TaskState.OPEN, assigned_to=was)
    if mine.update(assigned_to=to) != 1:
        raise _too_late(task)


def add_note(*, account: Account, pk: UUID, author: User, text: str) -> TaskNote:
    """Add a note to a task. Raises ``WriteNotFound``, ``Invalid`` (``text``), and ``CardNumberRefused``."""
    task, text = find(account, pk), text.strip()
    if not 0 < len(text) <= LONGEST_NOTE:
        raise errors.Invalid(fields={"text": f"Write something, up to {LONGEST_NOTE} letters."})
    if cards.has_card_number(text):
        raise errors.CardNumberRefused
    return tasks.add_note(task=task, author=author, text=text)


def done(*, account: Account, pk: UUID, user: User, clock: Clock) -> None:
    """Mark a task as done.

    Raises ``WriteNotFound``, ``AlreadyDecided`` if somebody was quicker, and ``Invalid`` for a request, which is
    approved or declined.
    """
    task = find(account, pk)
    if task.kind == requests.KIND:
        raise errors.Invalid("A request is approved or declined.", fields={"task": "Approve or decline it."})
    waiting = Task.objects.filter(pk=task.pk, state=TaskState.OPEN)
    if waiting.update(state=TaskState.DONE, resolved_by=user, resolved_at=clock.now(), request_key="") != 1:
        raise _too_late(task)


def reopen(*, account: Account, pk: UUID, user: User) -> None:
    """Open a task again that was marked as done; a note says by whom it was.

    Raises ``WriteNotFound``, ``AlreadyDecided`` if it is open, and ``Invalid`` for a request, or what it said is gone.
    """
    task = find(account, pk)
    if task.state == TaskState.DONE and not may_reopen(task):
        raise errors.Invalid(fields={"task": "It cannot be opened again."})
    ended = Task.objects.filter(pk=task.pk, state=TaskState.DONE, resolution="", resolved_at=task.resolved_at)
    if ended.update(state=TaskState.OPEN, resolved_by=None, resolved_at=None) != 1:
        raise _too_late(task)
    tasks.add_note(task=task, author=user, text=_REOPENED.format(who=named(task.resolved_by) or "Parlae"))


def approve(*, account: Account, pk: UUID, user: User, asker: Asker, clock: Clock) -> Approved:
    """Book what was requested, and return how that stands when nobody waits any longer (8 s).

    Raises ``WriteNotFound``, ``AlreadyDecided``, and what ``requests.approve`` raises: then the request is open again.
    """
    budget = Budget(BUDGET_SECONDS, clock)
    booked = requests.approve(task=_request(account, pk), user=user, asker=asker, clock=clock, budget=budget)
    booking = Booking.objects.get(pk=booked.booking.pk)
    return Approved(booking.pk, booking_words.state(booking), booking_words.meaning(booking))


def decline(*, account: Account, pk: UUID, user: User, clock: Clock) -> None:
    """End a request that cannot be met; nobody tells the patient but the team. Raises as ``approve``."""
    requests.decline(task=_request(account, pk), user=user, clock=clock)


def _request(account: Account, pk: UUID) -> Task:
    task = find(account, pk)
    if task.kind != requests.KIND:
        raise errors.WriteNotFound
    return task


def _too_late(task: Task) -> errors.AlreadyDecided:
    """Return who was quicker, or what has changed."""
    task = Task.objects.select_related("assigned_to", "resolved_by").get(pk=task.pk)
    if task.state == TaskState.DONE:
        return errors.AlreadyDecided(f"{named(task.resolved_by) or 'Parlae'} was quicker: it is done.")
    whose = named(task.assigned_to) or "nobody"
    return errors.AlreadyDecided(f"It has changed meanwhile: it is open, and given to {whose}.")
