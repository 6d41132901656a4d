"""The faults of the campaign: each is struck while one caller, or several, want something."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch

from pms.jobs import sweeps
from pms.models import BookingState, ToolCall, WriteBack, WriteBackState
from pms.sandbox.errors import CODES
from tests.journeys.houses import SANDBOX
from tests.safety.attempts import Attempt, Deed
from tests.safety.processes import Child
from tests.safety.stage import DidNotStrike, Stage, age, cut_connections, make_due
from tests.talking import ALDER, together

Strike = Callable[[Attempt], None]
Setting = Callable[[Stage], None]

BOOKING = ("POST", "/v4/appointment")
MOVE = ("PUT", "/v4/appointments/*")
CANCELLATION = ("PATCH", "/v4/appointments/*")
LOOK = ("GET", "/v4/appointments")
STATUS = ("GET", "/v4/writeback_status")

_SLOW = 600.0  # seconds until a slow office has carried out a write
_HANGS = 30.0  # seconds that the vendor keeps silent, unless somebody is killed before
_LATE_BUDGET = 2.4  # seconds that a caller waits where the vendor keeps silent
_LATENCY = 0.3  # seconds that a look takes where something is to happen in the meantime
_STEP = 0.05  # seconds that every request takes where something is to happen at any moment
_RIVALS = 20
_TWINS = 3


def _nothing(_stage: Stage) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What breaks (``name``), how (``strike``), and the circumstances of all tries of it.

    ``prepare`` and ``recover`` begin and end what is broken for all tries; ``callers`` want the same time at once;
    ``again`` has every caller ask once more when everything has come to its end; ``copied_after`` is how long the
    vendor's copy lags. Who wants to move or cancel has a visit already, unless the strike makes one.
    """

    name: str
    strike: Callable[[Sequence[Attempt]], None]
    deeds: Sequence[Deed] = (Deed.BOOK,)
    prepare: Setting = _nothing
    recover: Setting = _nothing
    brings_a_visit: bool = True
    callers: int = 1
    again: bool = False
    copied_after: timedelta = timedelta(minutes=10)


def one(strike: Strike) -> Callable[[Sequence[Attempt]], None]:
    """Return the strike of a fault that a single caller meets."""
    return lambda attempts: strike(attempts[0])


def _write_of(deed: Deed) -> tuple[str, str]:
    return {Deed.BOOK: BOOKING, Deed.MOVE: MOVE, Deed.CANCEL: CANCELLATION}[deed]


# What the vendor does


def _asks(attempt: Attempt) -> None:
    attempt.ask()


def _refused_write(*, kind: str = "status", error_code: str = "", status: int = 0, hold_seconds: float = 0.0) -> Strike:
    """The vendor does not carry the write out; the arguments are the sandbox's words for what it does instead."""
    is_silent = kind in ("timeout", "drop")
    answered = CODES[error_code].status if error_code else status

    def strike(attempt: Attempt) -> None:
        method, path = _write_of(attempt.deed)
        how = {"kind": kind, "error_code": error_code, "hold_seconds": hold_seconds}
        how |= {} if is_silent else {"status": answered}
        attempt.stage.sim("POST", "fail", method=method, path=path, **how)
        attempt.ask(seconds=_LATE_BUDGET if kind == "timeout" else 0.0)
        _require_status(attempt, 0 if is_silent else answered)

    return strike


def _require_status(attempt: Attempt, status: int) -> None:
    """Raise ``DidNotStrike`` unless a write was answered with this; 0 is silence."""
    method, path = _write_of(attempt.deed)
    writes = [row for row in attempt.stage.requests() if row["method"] == method and fnmatch(row["path"], path)]
    _require(any(row["status"] == status for row in writes))


def _refused_then_asked_again(attempt: Attempt) -> None:
    _refused_write(error_code="API2002")(attempt)
    attempt.ask(is_new=True)


def _broken_page(attempt: Attempt) -> None:
    _refused_write(kind="html", status=attempt.random.choice((200, 502)))(attempt)


def _lost_answer(hold_seconds: float = 0.0, budget: float = 0.0) -> Strike:
    """The vendor carries the write out and its answer never arrives."""

    def strike(attempt: Attempt) -> None:
        method, path = _write_of(attempt.deed)
        attempt.stage.sim("POST", "lose_answer", method=method, path=path, hold_seconds=hold_seconds)
        attempt.ask(seconds=budget)
        _require_status(attempt, 0)

    return strike


def _key_ends(attempt: Attempt) -> None:
    """The session's key ends: before the second look at the day, or before the write."""
    if attempt.random.random() < 0.5:
        _refused_write(error_code="API1025")(attempt)
        return
    with _while_held(attempt) as child:
        attempt.stage.sim("POST", "expire_key", office_id=ALDER)
        attempt.heard.append(child.result())


def _key_refused(attempt: Attempt) -> None:
    """The vendor does not accept the application any more; the connection is off until the worker has tried again."""
    _refused_write(error_code="API2003")(attempt)
    age(attempt.stage.account.integrations, timedelta(minutes=11), "updated_at")
    sweeps.housekeeping()


def _office_fails(result: str) -> Strike:
    """The office's computer cannot carry the write out, and says why."""

    def strike(attempt: Attempt) -> None:
        attempt.stage.sim("POST", "fail_write", result=result)
        attempt.ask()
        write_backs = attempt.stage.sim("GET", "writebacks")["writebacks"]
        _require(any(row["result"] == result for row in write_backs))

    return strike


def _stolen(attempt: Attempt) -> None:
    """The desk gives the time away between our hold and our write; the vendor's copy shows it, or not yet."""
    with _while_held(attempt) as child:
        attempt.lose_to_the_desk(is_shown=attempt.random.random() < 0.5)
        attempt.heard.append(child.result())


def _while_held(attempt: Attempt) -> Child:
    """Return the process that asks, when it holds the time and looks at the day once more."""
    attempt.stage.sim("POST", "config", latency=_LATENCY, latency_path=LOOK[1])
    child = attempt.elsewhere(until=lambda _child: attempt.bookings.filter(state=BookingState.HELD).exists())
    attempt.stage.sim("POST", "config", latency=0)
    return child


def _not_told(attempt: Attempt) -> None:
    """How the write stands cannot be asked, once or several times."""
    method, path = STATUS
    times = attempt.random.randint(1, 4)
    attempt.stage.sim("POST", "fail", method=method, path=path, error_code="API1026", times=times)
    attempt.ask()


def _follow_twice() -> None:
    """Follow the new record, and then what waits for it."""
    sweeps.follow_write_backs()
    sweeps.follow_write_backs()


def _at_any_moment(attempt: Attempt) -> Child:
    """Return a process that asks, at one of the steps that it leaves traces of, or a little later."""
    attempt.stage.sim("POST", "config", latency=_STEP)
    is_reached = attempt.random.choice(
        (
            lambda: ToolCall.objects.filter(call=attempt.call).exists(),
            lambda: attempt.bookings.exists() or attempt.writes.exists(),
            lambda: attempt.writes.exists(),
            lambda: attempt.writes.exclude(reference="").exists(),
            lambda: attempt.writes.filter(state=WriteBackState.DONE).exists(),
        )
    )
    child = attempt.elsewhere(until=lambda child: child.is_over or is_reached())
    attempt.stage.sim("POST", "config", latency=0)
    time.sleep(attempt.random.uniform(0.0, _STEP))
    return child


def _dies(attempt: Attempt) -> None:
    """The vendor's server dies at any moment and is started again."""
    with _at_any_moment(attempt) as child:
        attempt.stage.house.kill(SANDBOX)
        attempt.stage.house.ready(SANDBOX)
        attempt.heard.append(child.result())


# What becomes of us


def _killed_before_hold(attempt: Attempt) -> None:
    attempt.stage.sim("POST", "fail", kind="timeout", method=LOOK[0], path=LOOK[1], hold_seconds=_HANGS)
    attempt.killed_in_the_silence()
    _require(not attempt.bookings.exists())
    _maybe_again(attempt)


def _killed_after_hold(attempt: Attempt) -> None:
    with _while_held(attempt):
        pass
    _require(attempt.bookings.filter(state=BookingState.HELD).exists())
    _maybe_again(attempt)


def _killed_before_wire(attempt: Attempt) -> None:
    """The row says SENDING; the vendor never carries the request out."""
    method, path = _write_of(attempt.deed)
    attempt.stage.sim("POST", "fail", kind="timeout", method=method, path=path, hold_seconds=_HANGS)
    attempt.killed_in_the_silence()
    _require(attempt.writes.filter(state=WriteBackState.SENDING).exists())
    _maybe_again(attempt)


def _killed_after_wire(attempt: Attempt) -> None:
    """The vendor has carried the request out; its answer meets nobody."""
    method, path = _write_of(attempt.deed)
    attempt.stage.sim("POST", "lose_answer", method=method, path=path, hold_seconds=_HANGS)
    attempt.killed_in_the_silence()
    _require(attempt.writes.filter(state=WriteBackState.SENDING).exists())
    _maybe_again(attempt)


def _killed_waiting(attempt: Attempt) -> None:
    attempt.stage.sim("POST", "fail", kind="timeout", method=STATUS[0], path=STATUS[1], hold_seconds=_HANGS)
    attempt.killed_in_the_silence()
    _require(attempt.writes.filter(state=WriteBackState.PENDING).exists())
    _maybe_again(attempt)


def _killed_anywhen(attempt: Attempt) -> None:
    """At the latest, it is killed when its answer is kept and has not reached anybody."""
    with _at_any_moment(attempt):
        pass
    _maybe_again(attempt)


def _maybe_again(attempt: Attempt) -> None:
    """Have half of the callers ask again before any job has looked."""
    if attempt.random.random() < 0.5:
        attempt.ask_again_later()


def _require(is_so: bool) -> None:
    if not is_so:
        raise DidNotStrike


def _worker_killed_following(attempt: Attempt) -> None:
    """The office is slow, and nobody waits for it but the worker."""
    attempt.stage.sim("POST", "fail", method=STATUS[0], path=STATUS[1], error_code="API1026")
    attempt.ask()
    attempt.stage.sim("DELETE", "requests")
    attempt.stage.sim("POST", "fail", kind="timeout", method=STATUS[0], path=STATUS[1], hold_seconds=_HANGS)
    attempt.due()
    with Child(sweeps.follow_write_backs):
        attempt.stage.until(lambda: attempt.stage.is_silent)


def _worker_killed_sending(attempt: Attempt) -> None:
    """A newcomer's booking waits for their record; the worker dies while it sends it, before or after it arrives."""
    stage = attempt.stage
    attempt.prove_newcomer()
    attempt.last_name = f"Otter{''.join(chr(97 + int(digit)) for digit in str(attempt.number))}"
    stage.sim("POST", "config", writeback_delays={"POST patient": 0.3})
    stage.sim("POST", "fail", method=STATUS[0], path=STATUS[1], error_code="API1026")
    new = {"firstName": "Zephyrine", "lastName": attempt.last_name, "dateOfBirth": "1990-05-06", "phone": "2125550199"}
    attempt.use("createPatient", new)
    attempt.ask()
    _require(attempt.writes.filter(state=WriteBackState.WAITING).exists())
    time.sleep(0.35)
    stage.sim("DELETE", "requests")
    if attempt.random.random() < 0.5:
        stage.sim("POST", "fail", kind="timeout", method=BOOKING[0], path=BOOKING[1], hold_seconds=_HANGS)
    else:
        stage.sim("POST", "lose_answer", method=BOOKING[0], path=BOOKING[1], hold_seconds=_HANGS)
    make_due(WriteBack.objects.filter(call=attempt.call, booking=None), stage.now())
    with Child(_follow_twice):
        stage.until(lambda: stage.is_silent)
    _require(attempt.writes.filter(state=WriteBackState.SENDING).exists())


def _cut_off(attempt: Attempt) -> None:
    """The database ends the connection of the process that asks, at any moment."""
    with _at_any_moment(attempt) as child:
        cut = cut_connections()
        attempt.heard.append(child.result())
    _require(cut > 0)


# Several at once


def _delivered_at_once(attempt: Attempt) -> None:
    attempt.heard += together(*[attempt.listen] * _TWINS)


def _rivals(attempts: Sequence[Attempt]) -> None:
    heard = together(*(lambda mine=mine: mine.listen(seconds=_HANGS) for mine in attempts))  # type: ignore[misc]
    for attempt, said in zip(attempts, heard, strict=True):
        attempt.heard.append(said)


def _cancelled_while_pending(attempt: Attempt) -> None:
    """A booking is on its way, and the caller wants it back: before the office makes it, or just after."""
    delay = attempt.random.choice((_SLOW, 0.3, 0.05))
    attempt.stage.sim("POST", "config", writeback_delay=delay)
    attempt.stage.sim("POST", "fail", method=STATUS[0], path=STATUS[1], error_code="API1026")
    wish = {"appointmentType": "cleaning", "date": attempt.place.day, "time": attempt.place.time, "providerId": "HY1"}
    attempt.use("bookAppointment", wish)
    booking = attempt.bookings.get()
    _require(booking.state == BookingState.PENDING)
    attempt.visit = booking.confirmation_number
    attempt.ask()


# The circumstances of all tries of a fault


def _stops_the_vendor(stage: Stage) -> None:
    stage.house.kill(SANDBOX)


def _starts_the_vendor(stage: Stage) -> None:
    stage.house.ready(SANDBOX)


def _office_goes_offline(stage: Stage) -> None:
    stage.sim("POST", "office", office_id=ALDER, online=False)


def _office_comes_back(stage: Stage) -> None:
    stage.sim("POST", "office", office_id=ALDER, online=True)


def _slow(stage: Stage) -> None:
    stage.sim("POST", "config", writeback_delay=_SLOW)


def _tells_no_ids(stage: Stage) -> None:
    stage.sim("POST", "config", tell_created_id=False)


_ANY = tuple(Deed)
_HOURS = timedelta(hours=6)

OF_THE_VENDOR: Sequence[Fault] = (
    Fault(name="the vendor answers 503 to the write", strike=one(_refused_write(error_code="API2002"))),
    Fault(name="the vendor answers 503, the caller asks again", strike=one(_refused_then_asked_again)),
    Fault(
        name="the vendor refuses every connection",
        strike=one(_asks),
        prepare=_stops_the_vendor,
        recover=_starts_the_vendor,
    ),
    Fault(name="the vendor's server dies at any moment", strike=one(_dies)),
    Fault(name="the connection breaks before the write is carried out", strike=one(_refused_write(kind="drop"))),
    Fault(name="the connection breaks after the write was carried out", strike=one(_lost_answer())),
    Fault(
        name="time-out before the write is carried out",
        strike=one(_refused_write(kind="timeout", hold_seconds=_HANGS)),
    ),
    Fault(name="time-out after the write was carried out", strike=one(_lost_answer(_HANGS, _LATE_BUDGET))),
    Fault(name="a page of HTML instead of JSON", strike=one(_broken_page)),
    Fault(name="429, too many requests", strike=one(_refused_write(status=429))),
    Fault(name="the session's key ends in the middle", strike=one(_key_ends)),
    Fault(name="the application's key is refused (401)", strike=one(_key_refused)),
)
OF_THE_OFFICE: Sequence[Fault] = (
    Fault(name="nothing breaks: booking, move, cancellation in turn", strike=one(_asks), deeds=_ANY),
    Fault(
        name="the office's computer is off (412)",
        strike=one(_asks),
        prepare=_office_goes_offline,
        recover=_office_comes_back,
    ),
    Fault(name="the office fails the write: room required", strike=one(_office_fails("Operatory is required"))),
    Fault(
        name="the office fails the write: already scheduled", strike=one(_office_fails("Appointment already scheduled"))
    ),
    Fault(name="the desk takes the time between look and write", strike=one(_stolen)),
    Fault(name="the office is slower than the caller waits", strike=one(_asks), prepare=_slow),
    Fault(name="how the write stands cannot be asked", strike=one(_not_told)),
    Fault(name="the id of what was made is not told", strike=one(_asks), prepare=_tells_no_ids),
    Fault(
        name="the answer is lost, no id is told, the copy lags for 6 hours",
        strike=one(_lost_answer()),
        prepare=_tells_no_ids,
        copied_after=_HOURS,
    ),
)
OF_OUR_OWN: Sequence[Fault] = (
    Fault(name="web process killed before the hold", strike=one(_killed_before_hold), again=True),
    Fault(name="web process killed after the hold", strike=one(_killed_after_hold), again=True),
    Fault(name="web process killed after SENDING, before the wire", strike=one(_killed_before_wire), again=True),
    Fault(name="web process killed after the wire", strike=one(_killed_after_wire), again=True),
    Fault(name="web process killed while it waits for the office", strike=one(_killed_waiting), again=True),
    Fault(name="web process killed at any moment", strike=one(_killed_anywhen), deeds=_ANY, again=True),
    Fault(name="worker killed while it follows a write", strike=one(_worker_killed_following), prepare=_slow),
    Fault(name="worker killed while it sends a waiting booking", strike=one(_worker_killed_sending)),
    Fault(name="the database cuts the connection at any moment", strike=one(_cut_off), deeds=_ANY),
)
OF_SEVERAL_AND_OF_CHANGES: Sequence[Fault] = (
    Fault(name="the same tool call, delivered three times at once", strike=one(_delivered_at_once), deeds=_ANY),
    Fault(name="20 callers for one time", strike=_rivals, callers=_RIVALS),
    Fault(
        name="a move: killed between write and release",
        strike=one(_killed_after_wire),
        deeds=(Deed.MOVE,),
        again=True,
    ),
    Fault(name="a move: the answer is lost", strike=one(_lost_answer()), deeds=(Deed.MOVE,)),
    Fault(name="a cancellation: the answer is lost", strike=one(_lost_answer()), deeds=(Deed.CANCEL,)),
    Fault(
        name="a booking cancelled while it is on its way",
        strike=one(_cancelled_while_pending),
        deeds=(Deed.CANCEL,),
        brings_a_visit=False,
    ),
)
FAULTS: Sequence[Fault] = (*OF_THE_OFFICE, *OF_THE_VENDOR, *OF_OUR_OWN, *OF_SEVERAL_AND_OF_CHANGES)
