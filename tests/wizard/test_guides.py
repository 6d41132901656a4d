"""The guides are read in the app as in the repository."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from pms.wizard import guides
from tests.accounts.visitor import Visitor

DOCS = settings.BASE_DIR / "docs"


@pytest.mark.parametrize("slug", guides.FILES)
def test_each_guide_shows_and_leads_nowhere_that_is_not_there(dana: Visitor, slug: str) -> None:
    page = dana.open(f"/setup/guides/{slug}/").page

    assert page.status_code == 200
    for address in set(re.findall(r'href="(/setup/guides/[^"#]+)', page.content.decode())):
        assert dana.client.get(address).status_code == 200


def test_every_guide_that_is_written_is_shown() -> None:
    written = {f"guides/{path.name}" for path in (DOCS / "guides").glob("*.md")}

    assert written | {"setup-guide.md"} == set(guides.FILES.values())


def test_every_picture_is_in_a_guide_and_every_guide_s_picture_is_there(dana: Visitor) -> None:
    shown = set(re.findall(r'src="/static/guide/([\w-]+)\.[^"]*png"', dana.open("/setup/guides/setup/").text))

    assert shown
    assert shown <= {path.stem for path in (DOCS / "pictures").glob("*.png")}


def test_a_guide_that_does_not_exist_is_not_found(dana: Visitor) -> None:
    assert dana.open("/setup/guides/dentures/").page.status_code == 404
