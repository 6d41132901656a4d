"""The people that demos and tests may name: fixed ids, fixed names, fixed phones. All invented.

Phone numbers come from ranges kept for fiction (NXX-555-01XX and area code 555). Surnames are unusual on purpose, so
that one of them in a log or a dump is easy to find. Alder's people are in `ALDER`; Birch and Cedar use some of
the same ids for somebody else, because patient ids are only unique within an office.
"""

from dataclasses import dataclass

# What the PMS shows for a birth date nobody entered.
NO_BIRTHDATE = "0001-01-01"


@dataclass(frozen=True)
class Person:
    """A patient to be: `birthdate` as yyyy-mm-dd, phones exactly as the front desk typed them."""

    patient_id: str
    firstname: str
    lastname: str
    birthdate: str
    cell: str = ""
    homephone: str = ""
    workphone: str = ""
    email: str = ""
    gender: str = ""
    preferred_name: str = ""
    status: str = "Active"
    guarantor_id: str = ""
    practice_id: str = "1"


CORA_WHITFIELD = Person(
    "1001",
    "Cora",
    "Whitfield",
    "1987-04-12",
    cell="(212) 555-0147",
    email="cora.whitfield@example.test",
    gender="Female",
)
MILO_WHITFIELD = Person(
    "1002", "Milo", "Whitfield", "2017-09-30", homephone="(212) 555-0147", gender="Male", guarantor_id="1001"
)
OTHER_CORA_WHITFIELD = Person("1003", "Cora", "Whitfield", "1991-11-02", cell="(646) 555-0162", gender="Female")
JOSE_NUNEZ = Person("1010", "José", "Núñez", "1980-02-03", cell="9175550121", gender="Male")
JORDAN_LEE_ONE = Person("1011", "Jordan", "Lee", "1975-06-15", cell="(212) 555-0133", gender="Female")
JORDAN_LEE_TWO = Person("1012", "Jordan", "Lee", "1975-06-15", workphone="646.555.0134 x12", gender="Male")
BOB_LEE_OBRIEN = Person(
    "1020", "Robert", "Lee-O'Brien", "1969-08-21", homephone="718-555-0158", gender="Male", preferred_name="Bob"
)
NORA_QUIST = Person("1030", "Nora", "Quist", "1958-01-17", cell="347-555-0171", gender="Female", status="Inactive")
PAUL_VARGA = Person("1031", "Paul", "Varga", NO_BIRTHDATE, homephone="555-010-0182", gender="Male")

ALDER: tuple[Person, ...] = (
    CORA_WHITFIELD,
    MILO_WHITFIELD,
    OTHER_CORA_WHITFIELD,
    JOSE_NUNEZ,
    JORDAN_LEE_ONE,
    JORDAN_LEE_TWO,
    BOB_LEE_OBRIEN,
    NORA_QUIST,
    PAUL_VARGA,
)

DESMOND_ACHTERBERG = Person("1001", "Desmond", "Achterberg", "1949-07-08", cell="(415) 555-0118", gender="Male")
OTTILIE_ACHTERBERG = Person(
    "1002", "Ottilie", "Achterberg", "1952-12-24", homephone="(415) 555-0118", guarantor_id="1001"
)
WALDO_EKDAHL = Person("1001", "Waldo", "Ekdahl", "1971-05-05", cell="(312) 555-0105", gender="Male", practice_id="1-1")

BIRCH: tuple[Person, ...] = (
    DESMOND_ACHTERBERG,
    OTTILIE_ACHTERBERG,
    # Same name and birth date as Alder's demo caller: only the office tells them apart.
    Person("1004", "Cora", "Whitfield", "1987-04-12", cell="(415) 555-0149", gender="Female"),
    Person("1010", "Ines", "Fontcuberta", "1994-03-19", cell="4155550126", gender="Female"),
)

CEDAR: tuple[Person, ...] = (
    WALDO_EKDAHL,
    Person("1002", "Signe", "Ekdahl", "1973-10-31", cell="(312) 555-0106", gender="Female", practice_id="1-2"),
)
