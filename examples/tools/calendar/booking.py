"""What the tool does. Knows nothing of WebAssembly, so that it runs in ordinary tests."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Protocol

OPENS, CLOSES = 9, 17
"""Hours of the day, Monday to Friday."""

STEP = timedelta(minutes=30)
"""How long a booked time lasts."""

MOST_ALTERNATIVES = 3
"""As many times as a caller can keep in mind."""


class Refused(Exception):
    """What was asked for cannot be met; the model is told the message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Store(Protocol):
    """Where bookings are: the platform's records, or a dictionary in a test."""

    def get(self, key: str) -> str | None: ...

    def insert(self, key: str, value: str) -> bool:
        """Stores `value` under a key that must be free; whether it was."""

    def keys(self, prefix: str) -> list[str]: ...


@dataclass(frozen=True)
class Wish:
    """A time that somebody wants. Local, as the business's clock shows it."""

    time: datetime
    name: str

    def key(self) -> str:
        """One record for each time, so that of two callers at once one gets it."""
        return f"calendar/{self.time:%Y-%m-%dT%H:%M}"

    def spoken(self) -> str:
        return f"{self.time:%A} {self.time.day} {self.time:%B} at {self.time:%H:%M}"

    def question(self) -> str:
        """What the caller is asked before anything is booked."""
        return f"Shall I book {self.spoken()} for {self.name}?"

    def promise(self) -> str:
        """What the caller is told, word for word."""
        return f"You are booked for {self.spoken()}."


def local_time(now_ms: int, zone: tzinfo) -> datetime:
    """The present as the business's clock shows it, without its zone."""
    return datetime.fromtimestamp(now_ms / 1000, timezone.utc).astimezone(zone).replace(tzinfo=None)


def read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("invalid", f"there is no day {text}; it is written as 2026-11-24") from error


def read_wish(day: date, moment: str | None, name: str | None) -> Wish:
    if not moment or not name or not name.strip():
        raise Refused("invalid", "to book, ask for a time and a name and pass both")
    try:
        # Not strptime: it imports a module when it is first called, and at run time there are no files.
        begins = time.fromisoformat(moment)
    except ValueError as error:
        raise Refused("invalid", f"there is no time {moment}; it is written as 15:30") from error
    return Wish(datetime.combine(day, begins), name.strip())


def offered(day: date) -> list[datetime]:
    """The times of a day at which something can begin."""
    if day.weekday() >= 5:
        return []
    opens = datetime(day.year, day.month, day.day, OPENS)
    steps = timedelta(hours=CLOSES - OPENS) // STEP
    return [opens + step * STEP for step in range(steps)]


def free(store: Store, day: date, now: datetime) -> list[datetime]:
    """The times of a day that can still be booked."""
    booked = set(store.keys(f"calendar/{day.isoformat()}T"))
    return [begins for begins in offered(day) if begins > now and Wish(begins, "").key() not in booked]


def clock_times(times: list[datetime]) -> list[str]:
    return [f"{begins:%H:%M}" for begins in times]


def check(store: Store, wish: Wish, now: datetime) -> None:
    """Refuses a wish that cannot be met now."""
    day = wish.time.date()
    if wish.time not in offered(day):
        raise Refused("invalid", f"bookings begin every half hour, Monday to Friday, {OPENS}:00 to {CLOSES}:00")
    if wish.time <= now:
        raise Refused("invalid", "that time is over; ask for a later one")
    if store.get(wish.key()) is not None:
        raise taken(store, wish, now)


def book(store: Store, wish: Wish, now: datetime, idempotency_key: str, caller: str) -> str:
    """Books a time, once for each key, however often the call is tried."""
    booking = {"name": wish.name, "caller": caller, "idempotency_key": idempotency_key}
    # A call that comes again finds its own booking; that a time has begun meanwhile does not undo it.
    if not is_own(store.get(wish.key()), idempotency_key):
        check(store, wish, now)
        if not store.insert(wish.key(), json.dumps(booking)):
            raise taken(store, wish, now)
    return f"{wish.time:%Y-%m-%dT%H:%M}"


def is_own(stored: str | None, idempotency_key: str) -> bool:
    return stored is not None and json.loads(stored)["idempotency_key"] == idempotency_key


def taken(store: Store, wish: Wish, now: datetime) -> Refused:
    """The refusal of a time that somebody else has, with those nearest to it."""
    nearest = sorted(free(store, wish.time.date(), now), key=lambda begins: abs(begins - wish.time))
    nearest = sorted(nearest[:MOST_ALTERNATIVES])
    instead = f"free are {', '.join(clock_times(nearest))}" if nearest else "that day is full"
    return Refused("conflict", f"{wish.time:%H:%M} is taken; {instead}")
