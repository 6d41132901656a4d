"""Pages of a long list by cursors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Account
from pms.models import Task
from pms.services import paging
from tests.services.people import task

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Birch Dental", time_zone="America/New_York")


def pages(size: int) -> list[list[str]]:
    """Return the kinds of all tasks, page by page, as somebody reads on."""
    found, before = [], ""
    while True:
        page = paging.page(Task.objects.all(), by="created_at", before=before, size=size)
        found.append([one.kind for one in page.rows])
        if not page.older:
            return found
        before = page.older


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_every_row_is_on_one_page_and_the_newest_comes_first(account: Account, count: int, sizes: list[int]) -> None:
    for number in range(count):
        task(account, f"k{number}", AT + timedelta(minutes=number))

    found = pages(3)

    assert [len(page) for page in found] == sizes
    assert [kind for page in found for kind in page] == [f"k{n}" for n in reversed(range(count))]


def test_rows_of_the_same_moment_are_all_shown_once(account: Account) -> None:
    for number in range(7):
        task(account, f"k{number}", AT)

    assert sorted(kind for page in pages(2) for kind in page) == [f"k{n}" for n in range(7)]


def test_the_way_back_shows_the_same_pages(account: Account) -> None:
    for number in range(7):
        task(account, f"k{number}", AT + timedelta(minutes=number))
    tasks = Task.objects.all()
    first = paging.page(tasks, by="created_at", size=3)
    second = paging.page(tasks, by="created_at", before=first.older, size=3)
    third = paging.page(tasks, by="created_at", before=second.older, size=3)

    back = paging.page(tasks, by="created_at", after=third.newer, size=3)
    first_again = paging.page(tasks, by="created_at", after=back.newer, size=3)

    assert (first.newer, third.older) == ("", "")
    assert back == second
    assert (first_again.rows, first_again.newer, first_again.older) == (first.rows, "", first.older)


def test_what_is_new_meanwhile_moves_no_page(account: Account) -> None:
    for number in range(6):
        task(account, f"k{number}", AT + timedelta(minutes=number))
    first = paging.page(Task.objects.all(), by="created_at", size=3)
    task(account, "new", AT + timedelta(hours=1))

    second = paging.page(Task.objects.all(), by="created_at", before=first.older, size=3)

    assert [one.kind for one in second.rows] == ["k2", "k1", "k0"]


@pytest.mark.parametrize("text", ["nonsense", "é", "MjAyNi0xMS0yMFQwOTowMDowMHx4", "====", "A" * 5000])
def test_a_cursor_that_cannot_be_read_begins_at_the_beginning(account: Account, text: str) -> None:
    task(account, "k0", AT)

    for asked in ({"before": text}, {"after": text}):
        assert len(paging.page(Task.objects.all(), by="created_at", **asked).rows) == 1
