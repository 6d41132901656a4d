"""How a booking has ended: in our rows, in the practice's own system, and for the team."""

from __future__ import annotations

from dataclasses import dataclass

from pms.models import Booking, WriteBack
from tests.conftest import Sim
from tests.talking import ALDER, in_the_pms, kinds


@dataclass(frozen=True)
class End:
    """The state of the only booking and of its write-back, Cora's appointments in the PMS, and all open tasks."""

    state: str
    write: str
    made: int
    tasks: tuple[str, ...] = ()


def end(sim: Sim) -> End:
    """Return how the only booking of the test stands; the PMS is asked for its own truth, not for its copy."""
    booking, write_back = Booking.objects.get(), WriteBack.objects.get()
    standing = [row for row in in_the_pms(sim, "1001") if row["status"] != "Cancelled"]
    return End(booking.state, write_back.state, len(standing), tuple(kinds()))


def references(sim: Sim) -> list[str]:
    """Return the ids of the write-backs that the vendor has."""
    return [row["id"] for row in sim("GET", "writebacks", office_id=ALDER)["writebacks"]]
