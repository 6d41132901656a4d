"""The description of the API as a page: complete, public, and nothing on it comes from elsewhere or runs."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client

from pms.api import reference

PAGE, SCHEMA = "/api/schema/view/", "/api/schema/"
METHODS = ("get", "post", "put", "patch", "delete")


class Reader(HTMLParser):
    """What a page consists of: its elements with their attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for found, attributes in self.elements if found == tag]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


@pytest.fixture
def page(client: Client) -> Any:
    response = client.get(PAGE)
    assert response.status_code == 200
    return response


@pytest.fixture
def read(page: Any) -> Reader:
    return Reader(page.content.decode())


def described(client: Client) -> list[tuple[str, str, dict[str, Any]]]:
    schema = yaml.safe_load(client.get(SCHEMA).content)
    return [
        (path, method, item[method]) for path, item in schema["paths"].items() for method in METHODS if method in item
    ]


def test_every_operation_is_there_with_its_address_words_and_codes(client: Client, read: Reader) -> None:
    words = " ".join(read.words.split())

    for path, method, operation in described(client):
        assert operation["operationId"] in read.ids
        assert f"{method.upper()} {path}" in words
        for status, response in operation["responses"].items():
            said = " ".join(response["description"].replace("`", "").split())
            assert re.search(rf"{status} +{re.escape(said)}", words.replace("  ", " ")) or not said, (path, status)


def test_every_parameter_field_and_example_is_there(client: Client, page: Any) -> None:
    html = unescape(page.content.decode())
    schema = yaml.safe_load(client.get(SCHEMA).content)

    for _, _, operation in described(client):
        for parameter in operation.get("parameters", []):
            assert f"<code>{parameter['name']}</code>" in html
    for name in ("appointment.confirmationNumber", "config.timezone", "slots[].providerName", "features.booking"):
        assert f"<code>{name}</code>" in html
    for name in schema["components"]["schemas"]["SetupRequest"]["properties"]:
        assert f"<code>{name}</code>" in html
    assert '"practiceId": "D12345"' in html


def test_it_runs_no_script_and_loads_only_our_own_style(read: Reader) -> None:
    tags = {tag for tag, _ in read.elements}
    links = [attributes["href"] for attributes in read.all("a")]

    assert tags.isdisjoint({"script", "iframe", "object", "embed", "form", "input", "button", "img", "style", "base"})
    assert [attributes["href"] for attributes in read.all("link")] == ["/static/api/reference.css"]
    assert finders.find("api/reference.css")
    assert all(link.startswith(("#", "/api/schema/")) for link in links)
    assert not any(name == "style" or name.startswith("on") for _, attributes in read.elements for name in attributes)


def test_its_style_loads_nothing_and_knows_dark_rooms_and_small_screens() -> None:
    path = finders.find("api/reference.css")
    assert isinstance(path, str)
    with open(path, encoding="utf-8") as file:
        style = file.read()

    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "min-width" in style


def test_the_policy_allows_nothing_but_our_own_style_and_images(page: Any) -> None:
    directives = dict(part.strip().split(" ", 1) for part in page["Content-Security-Policy"].split(";"))

    assert directives == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page["X-Content-Type-Options"] == "nosniff"


def test_it_can_be_read_by_ear_and_by_key(read: Reader) -> None:
    targets = {attributes["href"][1:] for attributes in read.all("a") if attributes["href"].startswith("#")}
    labels = {attributes["aria-labelledby"] for _, attributes in read.elements if "aria-labelledby" in attributes}
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h[1-6]", tag)]

    assert read.all("html") == [{"lang": "en"}]
    assert len(set(read.ids)) == len(read.ids)
    assert targets | labels <= set(read.ids)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.django_db
def test_it_asks_nobody_who_they_are_and_sets_no_cookie(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get(PAGE, headers={"Cookie": f"sessionid={'a' * 32}"})

    assert response.status_code == 200
    assert not response.cookies


def test_what_an_address_says_never_gets_onto_it(client: Client, page: Any) -> None:
    assert client.get(f"{PAGE}?url=//elsewhere.example/x&<script>").content == page.content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_another_method_is_refused_as_everywhere(method: str) -> None:
    response = Client(enforce_csrf_checks=True).generic(method, PAGE)

    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_words_of_a_description_are_escaped() -> None:
    assert reference._words("a <b> `c<d>` & e") == "a &lt;b&gt; <code>c&lt;d&gt;</code> &amp; e"
