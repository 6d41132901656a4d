"""A browser without JavaScript: fills in the forms of the pages that it is shown."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.test import Client

PASSWORD = "plum harbour 88 lantern"


class Forms(HTMLParser):
    """The forms of a page: their addresses, and what stands in their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append({"action": given.get("action") or "", "fields": {}, "names": set()})
        elif tag == "input" and self.found and given.get("name"):
            self.found[-1]["names"].add(given["name"])
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            self.found[-1]["fields"][given["name"]] = given.get("value") or ""
        elif tag == "select" and self.found and given.get("name"):
            self._select = given["name"]
            self.found[-1]["names"].add(given["name"])
        elif tag == "button" and self.found and given.get("name"):
            self.found[-1]["names"].add(given["name"])
        elif tag == "option" and self.found and "selected" in given:
            self.found[-1]["fields"][self._select] = given.get("value") or ""


def forms(html: str) -> list[dict[str, Any]]:
    """Return the forms of a page, in order."""
    parser = Forms()
    parser.feed(html)
    return parser.found


class Visitor:
    """Somebody at a browser. ``page`` is what they see."""

    def __init__(self, **defaults: Any) -> None:
        self.client = Client(enforce_csrf_checks=True, **defaults)
        self.page: Any = None

    def open(self, address: str) -> Visitor:
        """Go to an address."""
        self.page = self.client.get(address, follow=True)
        return self

    def send(self, fields: dict[str, Any], *, to: str = "", having: str = "") -> Visitor:
        """Fill in and send the form that goes to an address, or has a field, and follow where it leads."""
        for form in forms(self.page.content.decode()):
            fits = (to and form["action"].split("?")[0] == to) or (having and having in form["names"])
            if fits or (not to and not having and set(fields) <= form["names"]):
                address = form["action"] or self.where
                sent = form["fields"] | fields
                self.page = self.client.post(address, sent, follow=True)
                return self
        raise AssertionError(f"no form for {to or having or sorted(fields)} at {self.where}")

    @property
    def where(self) -> str:
        """The address of the page."""
        if self.page.redirect_chain:
            return str(self.page.redirect_chain[-1][0])
        return str(self.page.request["PATH_INFO"] + (f"?{q}" if (q := self.page.request["QUERY_STRING"]) else ""))

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.page.content.decode())

    def sign_up(self, email: str, *, name: str = "Ana Petrov", password: str = PASSWORD) -> Visitor:
        """Create a sign-in, up to the page that asks for the code."""
        self.open("/accounts/signup/")
        return self.send({"name": name, "email": email, "password1": password}, to="/accounts/signup/")

    def confirm(self) -> Visitor:
        """Type the code from the last mail."""
        return self.send({"code": code_in(mail.outbox[-1].body)}, having="code")

    def sign_in(self, email: str, *, password: str = PASSWORD) -> Visitor:
        """Type address and password."""
        self.open("/accounts/login/")
        return self.send({"login": email, "password": password}, to="/accounts/login/")

    def set_up_app(self) -> str:
        """Set up an authenticator app and return its secret."""
        self.open("/accounts/2fa/totp/activate/")
        found = re.search(r'id="secret">(\w+)<', self.text)
        assert found, self.text
        for _ in range(2):  # a half minute may end between reading the code and sending it
            self.send({"code": app_code(found[1])}, to="/accounts/2fa/totp/activate/")
            if self.where != "/accounts/2fa/totp/activate/":
                break
        return found[1]


def code_in(body: str) -> str:
    """Return the code that a mail holds."""
    found = re.search(r"^ {4}(\S+)$", body, re.MULTILINE)
    assert found, body
    return found[1]


def app_code(secret: str, *, ahead: int = 0) -> str:
    """Return what the app shows now, or so many half minutes later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead)))
