"""Phone numbers beyond the shared cases: withheld spellings, URIs, extensions, the fictional block."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.domain import phone


@pytest.mark.parametrize(
    ("text", "e164", "extension"),
    [
        ("+14155550123 ext 12", "+14155550123", "12"),
        ("(415) 555-0123 Ext. 7", "+14155550123", "7"),
        ("415-555-0123 extension 1234", "+14155550123", "1234"),
        ("415.555.0123#9", "+14155550123", "9"),
        ("tel:+1-415-555-0123;ext=12", "+14155550123", "12"),
        ("sip:+14155550123;user=phone@trunk.example", "+14155550123", ""),
        ("SIPS:4155550123@trunk.example:5061;transport=tls", "+14155550123", ""),
        ("\uff0b\uff11 415 555 0123", "+14155550123", ""),
        # The block for fiction, also under the area code that the library does not know.
        ("+15555550123", "+15555550123", ""),
        ("(555) 555-0199", "+15555550199", ""),
    ],
)
def test_parse(text: str, e164: str, extension: str) -> None:
    assert phone.parse(text) == phone.Phone(e164, extension)
    assert phone.normalize(text) == e164


@pytest.mark.parametrize(
    "text",
    [
        "anonymous", "Restricted", "unknown", "sip:anonymous@anonymous.invalid", "+7378742833", "+86282452253",
        "+2562533", "266696687", "+8656696",
        "1-800-FLOWERS", "call me at 4155550123", "4155550123 or 4155550124", "{{customer.number}}",
        "+15550100001", "+15555551234", "+1555555", "++14155550123", "+", "-", "()", "ext 12", "x", " ",
        "tel:", "sip:@", "0", "+" + "1" * 300, "4" * 81,
    ],
)  # fmt: skip
def test_rejected(text: str) -> None:
    assert phone.normalize(text) is None


def test_the_keypad_spelling_of_a_word_may_be_a_real_number() -> None:
    # 737 is a Texan area code; with a plus sign in front the same digits mean "restricted".
    assert phone.normalize("737-874-2833") == "+17378742833"
    assert phone.normalize("+7378742833") is None


def test_the_region_is_where_a_number_without_country_code_lives() -> None:
    assert phone.normalize("020 7946 0958", "GB") == "+442079460958"
    assert phone.normalize("+1 415 555 0123", "GB") == "+14155550123"


def test_last_four() -> None:
    assert phone.last_four("+14155550123") == "0123"


def test_a_number_is_not_shown_in_a_repr() -> None:
    assert "0123" not in repr(phone.Phone("+14155550123"))


@settings(max_examples=200)
@given(st.text(alphabet="0123456789+-(). xet;:@#a\u0661\uff11\n", max_size=40))
def test_what_comes_out_goes_in_again(text: str) -> None:
    found = phone.normalize(text)
    assert found is None or phone.normalize(found) == found
