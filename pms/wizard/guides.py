"""``docs/setup-guide.md`` and the guides in ``docs/guides``, shown in the app: one text for both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_DOCS = settings.BASE_DIR / "docs"
_TITLE = re.compile(r"^# (.+)\n")
FILES = {
    "setup": "setup-guide.md",
    "sikka": "guides/sikka.md",
    "existing-assistant": "guides/existing-assistant.md",
    "phone-number": "guides/phone-number.md",
    "go-live": "guides/go-live.md",
}
_SLUGS = {Path(file).name: slug for slug, file in FILES.items()}
_LINK = re.compile(r'href="(?:[\w.-]+/)*([\w-]+\.md)(#[\w-]+)?"')
_PICTURE = re.compile(r'src="(?:\.\./)?pictures/([\w-]+\.png)"')


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide's name, its first heading and the rest as HTML."""

    slug: str
    title: str
    html: SafeString


@cache
def load(slug: str) -> Guide:
    """Return a guide by its name; raise ``KeyError`` if there is none."""
    text = (_DOCS / FILES[slug]).read_text(encoding="utf-8")
    title = _TITLE.match(text)
    if title is None:
        raise ValueError(f"The guide {slug} begins with no heading.")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text[title.end() :])
    html = _LINK.sub(lambda match: f'href="{reverse("guide", args=[_SLUGS[match[1]]])}{match[2] or ""}"', html)
    html = _PICTURE.sub(lambda match: f'loading="lazy" src="{static(f"guide/{match[1]}")}"', html)
    return Guide(slug, title[1], mark_safe(html))  # noqa: S308  # our own text, in which HTML is escaped


def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a guide to anybody who is signed in."""
    try:
        shown = load(slug)
    except KeyError:
        raise Http404 from None
    others = [load(one) for one in FILES if one != slug]
    return render(request, "wizard/guide.html", {"guide": shown, "others": others})
