"""The guides in ``docs/guides``, shown in the app: one text for both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_FOLDER = settings.BASE_DIR / "docs" / "guides"
_TITLE = re.compile(r"^# (.+)\n")
_GUIDE = re.compile(r'href="([\w-]+)\.md(#[\w-]+)?"')
SLUGS = ("setup", "sikka", "existing-assistant", "phone-number", "go-live")


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide's name, its first heading and the rest as HTML."""

    slug: str
    title: str
    html: SafeString


@cache
def load(slug: str) -> Guide:
    """Return a guide by its name; raise ``KeyError`` if there is none."""
    if slug not in SLUGS:
        raise KeyError(slug)
    text = (_FOLDER / f"{slug}.md").read_text(encoding="utf-8")
    title = _TITLE.match(text)
    if title is None:
        raise ValueError(f"The guide {slug} begins with no heading.")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text[title.end() :])
    html = _GUIDE.sub(lambda match: f'href="{reverse("guide", args=[match[1]])}{match[2] or ""}"', html)
    return Guide(slug, title[1], mark_safe(html))  # noqa: S308  # our own text, in which HTML is escaped


def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a guide to anybody who is signed in."""
    try:
        shown = load(slug)
    except KeyError:
        raise Http404 from None
    others = [load(one) for one in SLUGS if one != slug]
    return render(request, "wizard/guide.html", {"guide": shown, "others": others})
