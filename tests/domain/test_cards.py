from __future__ import annotations

import pytest

from pms.domain.cards import has_card_number, without_card_numbers

VISA = "4242424242424242"


@pytest.mark.parametrize(
    "written",
    [
        VISA,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242.4242.4242.4242",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "3782 822463 10005",
        "2223003122003222",
        "5555555555554444",
        "6011111111111117",
        f"my card is {VISA}, thanks",
        "room 5 4242 4242 4242 4242 12 27 123",
    ],
)
def test_a_card_number_is_found_however_it_is_written(written: str) -> None:
    assert has_card_number(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "4242",
        "4242424242424241",
        "+442079460958",
        "+1 212 555 0147",
        "1987-04-12",
        "W123456789",
        "2125550147",
        "٤" * 16,
    ],
)
def test_what_is_no_card_number_is_left_alone(written: str) -> None:
    assert not has_card_number(written)
    assert without_card_numbers(written) == written


@pytest.mark.parametrize("value", [{"a": [{"b": VISA}]}, [VISA], int(VISA)])
def test_it_is_found_at_any_depth(value: object) -> None:
    assert has_card_number(value)


@pytest.mark.parametrize("value", [None, True, 50.0, {"a": [1, {"b": None}]}])
def test_other_values_hold_none(value: object) -> None:
    assert not has_card_number(value)


def test_card_numbers_are_blotted_out_of_a_text() -> None:
    told = f"It is 4242 4242 4242 4242 12 27, or {VISA}."

    assert without_card_numbers(told) == "It is [card number] 12 27, or [card number]."
