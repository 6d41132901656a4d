"""Invented patients around the fixed cast: families on one phone, namesakes, accents, odd phone formats.

Everything follows from the random generator handed in, so one seed always makes the same people.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count, cycle
from random import Random

from .cast import ALDER, BIRCH, CEDAR, NO_BIRTHDATE, Person
from .fields import words
from .practice import Profile

_WOMEN = words(
    """Adelheid Beatrix Célestine Dagny Elspeth Fenella Gwendolyn Hedvig Isaura Jocasta Kerensa Leocadia
Mirabel Nerys Ottoline Petronella Renáta Sidonie Tamsin Ursula Verity Winifred Xiomara Yevgenia Zdenka"""
)
_MEN = words(
    """Alaric Benedikt Cosmo Demetrius Eamon Florian Gideon Horatio Ignác Jericho Konrad Lysander Magnus
Nicodemus Osric Percival Quentin Roderick Søren Tiberius Urbain Valentín Wystan Xander Zoltán"""
)
_SURNAMES = words("""Abernathy-Voss Balaguer Czerniawski Dalrymple Eisenhauer Fairweather Gruffudd Hjelmstad Ibarretxe
Jankauskas Kościuszko Lightbourne MacGillivray N'Dour O'Shaughnessy Papadimitriou Quarshie Rautavaara Sørlie
Thistlethwaite Uzcátegui Vandersloot Wrzesniewski Yarborough Zapatero-Ruiz Ångström Brânzei Çelikkol Dvořáček
Eyþórsson Farkas-Nagy García-Huidobro Haverkamp Île-Saint Jørstad Krzyżanowska Lövgren Mbappé-Roux Nwachukwu
Østergaard Pérez-Galdós Rzepka Štěpánek Türkoğlu Vălean Węgrzyn Żurawski""")
_STREETS = ("Rookery Lane", "Saltmarsh Road", "Heron Street", "Kestrel Way", "Larkspur Court", "Tansy Hill")
_AREAS = ("212", "646", "718", "347", "917", "929")


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone)[:10]


def _phones(random: Random) -> Iterator[str]:
    """Ten-digit numbers nobody has, each once."""
    taken = {_digits(phone) for one in (*ALDER, *BIRCH, *CEDAR) for phone in (one.cell, one.homephone, one.workphone)}
    numbers = [f"{area}55501{last:02d}" for area in _AREAS for last in range(100)]
    numbers += [f"5550100{last}" for last in range(100, 200)]
    random.shuffle(numbers)
    yield from (number for number in numbers if number not in taken)


def _typed(digits: str, random: Random) -> str:
    """The number as some front desk typed it."""
    area, middle, last = digits[:3], digits[3:6], digits[6:]
    return random.choice(
        (
            f"({area}) {middle}-{last}",
            f"({area}) {middle}-{last}",
            f"{area}-{middle}-{last}",
            f"{area}-{middle}-{last}",
            f"{area}.{middle}.{last} x12",
            f"1-{area}-{middle}-{last}",
            f"+1 {area} {middle} {last}",
            f"({area}){middle}-{last} mom",
            digits,
        )
    )


def _birthdate(random: Random, today: date, youngest: int, oldest: int) -> str:
    day = today - timedelta(days=random.randint(youngest * 366, oldest * 365))
    return day.isoformat()


def invent(profile: Profile, today: date, random: Random) -> list[Person]:
    """The cast of `profile` and enough invented people to make `profile.patient_count`, ids from 2001."""
    people = list(profile.people)
    phones = _phones(random)
    ids = (str(number) for number in count(2001))
    places = cycle(location.practice_id for location in profile.locations)
    named: set[tuple[str, str]] = set()

    def person(surname: str, place: str, youngest: int, oldest: int, *, guarantor: str = "", **phone: str) -> Person:
        woman = random.random() < 0.5
        patient_id = next(ids)
        free = [name for name in (_WOMEN if woman else _MEN) if (name, surname) not in named]
        named.add((name := random.choice(free), surname))
        return Person(
            patient_id,
            name,
            surname,
            NO_BIRTHDATE if random.random() < 0.02 else _birthdate(random, today, youngest, oldest),
            gender="Female" if woman else "Male",
            # The first few are active whatever the seed, so that every location has somebody to book.
            status="Inactive" if random.random() < 0.06 and len(people) > len(profile.people) + 10 else "Active",
            guarantor_id=guarantor,
            practice_id=place,
            email=f"patient{patient_id}@example.test" if random.random() < 0.6 else "",
            **phone,
        )

    while len(people) < profile.patient_count:
        surname = random.choice(_SURNAMES)
        place = next(places)
        digits = next(phones)
        column = random.choice(("cell", "cell", "cell", "homephone", "workphone"))
        number = "" if random.random() < 0.04 else _typed(digits, random)
        head = person(surname, place, 22, 88, **{column: number})
        people.append(head)
        # A third of the households share one phone: partner first, then minors, all under the same guarantor.
        if random.random() < 0.33:
            for index in range(random.randint(1, 3)):
                ages = (22, 80) if index == 0 else (2, 16)
                people.append(
                    person(surname, place, *ages, guarantor=head.patient_id, homephone=_typed(digits, random))
                )
        # Namesakes: some with the same birth date (only the phone differs), some with another.
        if random.random() < 0.05:
            twin = person(surname, place, 22, 88, cell=_typed(next(phones), random))
            birthdate = head.birthdate if random.random() < 0.4 else twin.birthdate
            people.append(replace(twin, firstname=head.firstname, gender=head.gender, birthdate=birthdate))
    return people[: profile.patient_count]


def address(patient_id: str) -> str:
    """A street address that follows from the id."""
    number = int(patient_id)
    return f"{number % 97 + 1} {_STREETS[number % len(_STREETS)]}"
