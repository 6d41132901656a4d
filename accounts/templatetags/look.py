"""What our templates draw with."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import zones
from accounts.models import Account

register = template.Library()

# Most browsers name others too, so that the order counts.
_BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("CrOS", "a Chromebook"),
    ("Linux", "Linux"),
)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one of ``static/icons.svg``; it says nothing, the words beside it do."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


@register.filter
def at(instant: datetime | None, account: Account | None) -> datetime | None:
    """Return an instant on the practice's clock, as a naive time: Django's filters would move an aware one to UTC."""
    if instant is None:
        return None
    return instant.astimezone(account.zone if account else ZoneInfo("UTC")).replace(tzinfo=None)


@register.filter
def zone(name: str) -> str:
    """Return what people call a time zone: Eastern (New York)."""
    return zones.label(name)


@register.filter
def phone(number: str) -> str:
    """Return a number as people write it: those of North America as (212) 555-0100, others with their country's code.

    What is no number in E.164 stays as it is.
    """
    try:
        known = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    style = national if known.country_code == 1 else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(known, style)


@register.filter
def took(milliseconds: int) -> str:
    """Return how long something took: 42 ms, 1.1 s."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


@register.filter
def device(agent: str) -> str:
    """Return what a browser's name for itself means: Chrome on Windows."""
    browser = next((said for sign, said in _BROWSERS if sign in agent), "A browser")
    system = next((said for sign, said in _SYSTEMS if sign in agent), "")
    return f"{browser} on {system}" if system else browser


@register.filter
def kind(field: BoundField) -> str:
    """Return what a field's widget is: its input's type, or the name of what is no input."""
    widget = field.field.widget
    return str(getattr(widget, "input_type", "") or type(widget).__name__.lower())
