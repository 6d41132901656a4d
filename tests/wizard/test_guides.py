"""The guides are read in the app as in the repository."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from pms.wizard import guides
from tests.accounts.visitor import Visitor


@pytest.mark.parametrize("slug", guides.SLUGS)
def test_each_guide_shows_and_leads_nowhere_that_is_not_there(dana: Visitor, slug: str) -> None:
    page = dana.open(f"/setup/guides/{slug}/").page

    assert page.status_code == 200
    for address in set(re.findall(r'href="(/setup/guides/[^"#]+)', page.content.decode())):
        assert dana.client.get(address).status_code == 200


def test_every_guide_that_is_written_is_shown() -> None:
    written = {path.stem for path in (settings.BASE_DIR / "docs" / "guides").glob("*.md")}

    assert written == set(guides.SLUGS)


def test_a_guide_that_does_not_exist_is_not_found(dana: Visitor) -> None:
    assert dana.open("/setup/guides/dentures/").page.status_code == 404
