"""The team's tasks: the list, and one with all that can be done with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypedDict

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import Account
from accounts.roles import Permission
from pms.dashboard.base import DashboardView, said
from pms.dashboard.listing import ListView
from pms.domain import errors
from pms.services import task_desk, task_work

_MINE = "mine"
_WHOSE = (("", "Everybody's"), (_MINE, "Mine"), (task_desk.NOBODY, "Nobody's yet"))


class TasksView(ListView):
    """All tasks, the newest first."""

    section = "tasks"
    filters = ("state", "whose", "about")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        is_open, whose = self.chosen("state") != "done", self.chosen("whose")
        page = task_desk.listed(
            account=self.account,
            is_open=is_open,
            assignee=str(self.user.pk) if whose == _MINE else whose if whose == task_desk.NOBODY else "",
            group=self.chosen("about"),
            **self.cursor,
        )
        counts = task_desk.counts(account=self.account, user=self.user) if is_open else {}
        groups = [("", "Everything"), *((name, label) for name, (label, _) in task_desk.GROUPS.items())]
        context = {
            "state_chips": self.chips("state", (("", "Open"), ("done", "Done"))),
            "chips": self.chips("whose", _WHOSE, counts),
            "about_chips": self.chips("about", groups, counts),
        }
        return self.render("dashboard/tasks.html", context | self.paged(page))


class NoteForm(forms.Form):
    """What somebody writes to a task."""

    text = forms.CharField(
        label="Write a note",
        max_length=task_work.LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="Your team sees it. It is kept as long as the task, encrypted. No card numbers.",
    )


class TaskView(DashboardView):
    """One task."""

    permission = Permission.READ_PATIENT_DATA
    section = "tasks"

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show what it says."""
        return self._page(pk, NoteForm())

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Do what the button says."""
        self.require(Permission.WORK_TASKS)
        action = request.POST.get("action", "")
        if action == "note":
            return self._note(pk)
        if action not in _ACTS:
            raise Http404
        try:
            messages.success(request, _ACTS[action](self, pk))
        except (errors.Internal, errors.WriteNotFound):
            raise
        except errors.ParlaeError as error:
            self.tell(error)
        return redirect("task", pk=pk)

    def _note(self, pk: uuid.UUID) -> HttpResponse:
        """Keep a note; one that cannot be kept stays in the form."""
        form = NoteForm(self.request.POST)
        if form.is_valid():
            try:
                task_work.add_note(account=self.account, pk=pk, author=self.user, text=form.cleaned_data["text"])
            except (errors.Invalid, errors.CardNumberRefused) as error:
                form.add_error("text", said(error))
            else:
                messages.success(self.request, "The note was added.")
                return redirect("task", pk=pk)
        return self._page(pk, form, status=422)

    def _page(self, pk: uuid.UUID, form: NoteForm, *, status: int = 200) -> HttpResponse:
        context = {
            "task": task_desk.opened(account=self.account, pk=pk, asker=self.asker),
            "members": task_desk.members(account=self.account),
            "form": form,
            "may_work": self.may(Permission.WORK_TASKS),
        }
        return self.render("dashboard/task.html", context, status=status)


class _Which(TypedDict):
    account: Account
    pk: uuid.UUID


def _which(view: TaskView, pk: uuid.UUID) -> _Which:
    return {"account": view.account, "pk": pk}


def _assign(view: TaskView, pk: uuid.UUID) -> str:
    to, was = (_person(view.request.POST.get(name, "")) for name in ("to", "was"))
    task_work.assign(**_which(view, pk), to=to, was=was)
    if to == view.user.pk:
        return "The task is yours."
    names = dict(task_desk.members(account=view.account))
    return f"It was given to {names[to]}." if to in names else "It is nobody's now."


def _done(view: TaskView, pk: uuid.UUID) -> str:
    task_work.done(**_which(view, pk), user=view.user, clock=view.clock)
    return "Marked as done."


def _reopen(view: TaskView, pk: uuid.UUID) -> str:
    task_work.reopen(**_which(view, pk), user=view.user)
    return "The task is open again."


def _approve(view: TaskView, pk: uuid.UUID) -> str:
    made = task_work.approve(**_which(view, pk), user=view.user, asker=view.asker, clock=view.clock)
    return f"Approved. {made.state_words}: {made.meaning}"


def _decline(view: TaskView, pk: uuid.UUID) -> str:
    task_work.decline(**_which(view, pk), user=view.user, clock=view.clock)
    return "Declined. Nobody has told the patient yet: call them."


_ACTS: dict[str, Callable[[TaskView, uuid.UUID], str]] = {
    "assign": _assign,
    "done": _done,
    "reopen": _reopen,
    "approve": _approve,
    "decline": _decline,
}


def _person(text: str) -> uuid.UUID | None:
    """Return whose id a form has sent, ``None`` for nobody. Raises ``Invalid``."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        raise errors.Invalid(fields={"assignee": "Choose somebody of the practice."}) from None
