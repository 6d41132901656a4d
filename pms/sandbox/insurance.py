"""Who is insured where: the plans that each office has on file, and whom they cover. All invented.

At Sikka an "insurance company" is one plan of one carrier, with its group number; company ids, like all others, are
unique only within an office.
"""

from dataclasses import dataclass
from datetime import date

from . import cast
from .cast import Person
from .practice import ALDER, BIRCH, CEDAR, Profile

OF_AGE = 18


@dataclass(frozen=True)
class Company:
    """A row of `insurance_companies`. Amounts per year, as Sikka writes them; `prefix` begins its member numbers."""

    company_id: str
    name: str
    prefix: str
    payer_id: str = ""
    group_number: str = ""
    group_name: str = ""
    phone: str = ""
    maximum: str = ""
    deductible: str = ""


@dataclass(frozen=True)
class Policy:
    """What covers a patient. `holder` is the subscriber's patient id, `effective` yyyy-mm-dd or ""."""

    company_id: str
    subscriber_id: str
    holder: str
    relation: str = "Self"
    effective: str = ""
    used: str = "0.0000"
    deductible_left: str = "50.0000"


COMPANIES: dict[Profile, tuple[Company, ...]] = {
    ALDER: (
        Company(
            "301",
            "Larkfield Dental Benefits",
            "LDB",
            "98101",
            "447120",
            "Harrow Instruments",
            "(212) 555-0190",
            "1500.0000",
            "50.0000",
        ),
        Company(
            "302",
            "Oxbow Mutual Dental",
            "OXM",
            "98102",
            "OX-2207",
            "Quillon Freight",
            "(212) 555-0191",
            "2000.0000",
            "75.0000",
        ),
        # Somebody was in a hurry: a name, and nothing else.
        Company("303", "Pennywort Employees Trust", "PWT"),
    ),
    BIRCH: (
        Company(
            "301",
            "Tamarisk Dental Plan",
            "TDP",
            "98211",
            "80913",
            "Saltmarsh Ferries",
            "(415) 555-0190",
            "1000.0000",
            "100.0000",
        ),
    ),
    CEDAR: (
        Company(
            "301",
            "Windrush Dental Cooperative",
            "WDC",
            "98311",
            "62205",
            "Heron Street Mills",
            "(312) 555-0190",
            "1250.0000",
            "50.0000",
        ),
    ),
}

_CORA = Policy("301", "LDB20931847", "1001", effective="2024-01-01", used="320.0000")

# The first policy of a person is the primary one, the second one the secondary.
_CAST: dict[Person, tuple[Policy, ...]] = {
    cast.CORA_WHITFIELD: (_CORA,),
    cast.MILO_WHITFIELD: (Policy("301", "LDB20931847", "1001", "Child", "2024-01-01", used="85.0000"),),
    cast.OTHER_CORA_WHITFIELD: (Policy("302", "OXM55102938", "1003", effective="2023-07-01"),),
    cast.JOSE_NUNEZ: (
        Policy("302", "OXM71440265", "1010", effective="2022-03-01", used="620.0000", deductible_left="0.0000"),
        Policy("301", "LDB60318842", "1010", effective="2025-02-01"),
    ),
    cast.BOB_LEE_OBRIEN: (Policy("303", "PWT-0042", "1020", deductible_left=""),),
    cast.DESMOND_ACHTERBERG: (
        Policy("301", "TDP11830027", "1001", effective="2019-10-01", used="940.0000", deductible_left="0.0000"),
    ),
    cast.OTTILIE_ACHTERBERG: (Policy("301", "TDP11830027", "1001", "Spouse", "2019-10-01"),),
    cast.WALDO_EKDAHL: (Policy("301", "WDC40027719", "1001", effective="2021-05-01"),),
}


def policies(profile: Profile, person: Person, today: date) -> tuple[Policy, ...]:
    """What covers this person, the primary first. Of those who are not cast, six households in ten have a plan."""
    if person in profile.people:
        return _CAST.get(person, ())
    holder = person.guarantor_id or person.patient_id
    number = int(holder)
    if number * 7 % 10 < 4:
        return ()
    company = COMPANIES[profile][number % len(COMPANIES[profile])]
    of_age = today.replace(year=today.year - OF_AGE, day=min(today.day, 28)).isoformat()
    relation = "Self" if holder == person.patient_id else "Spouse" if person.birthdate <= of_age else "Child"
    effective = f"{2015 + number % 10}-{number % 12 + 1:02d}-01"
    return (Policy(company.company_id, f"{company.prefix}{number * 7919 % 10**8:08d}", holder, relation, effective),)
