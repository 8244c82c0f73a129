"""An example of a tenant's tool in Python: a calendar that callers book times in.

Here is only what ties the logic in booking.py to the platform.
"""

import json
from zoneinfo import ZoneInfo, available_timezones

import booking
from booking import Refused
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.tool import (
    Answer,
    Context,
    Definition,
    Effect,
    Failure_Conflict,
    Failure_Invalid,
    Failure_Other,
    Failure_Unavailable,
    Reply,
    Reply_Confirm,
    Reply_Done,
)
from wit_world.imports import clock, log, records

# Read at the build, into the snapshot that every call starts from: a tool has no files.
ZONES = {name: ZoneInfo(name) for name in available_timezones()}

# What the model may ask for. It is given this schema, and its arguments are checked against it.
PARAMETERS = {
    "type": "object",
    "properties": {
        "action": {"type": "string", "enum": ["free", "book"], "description": "list free times, or book one"},
        "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "2026-11-24"},
        "time": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$", "description": "for `book`: 15:30"},
        "name": {"type": "string", "minLength": 1, "maxLength": 80, "description": "for `book`: who comes"},
    },
    "required": ["action", "date"],
    "additionalProperties": False,
}

FAILURES = {"invalid": Failure_Invalid, "conflict": Failure_Conflict}

# The most that one listing may ask for; a day has fewer times.
LISTED = 200


class Records:
    """The platform's records, as texts."""

    def get(self, key: str) -> str | None:
        entry = records.get(key)
        return None if entry is None else entry.value.decode()

    def insert(self, key: str, value: str) -> bool:
        try:
            records.insert(key, value.encode())
        except Err as error:
            if isinstance(error.value, records.Error_Conflict):
                return False
            raise
        return True

    def keys(self, prefix: str) -> list[str]:
        return [entry.key for entry in records.list_by_prefix(prefix, None, LISTED)]


class Tool(exports.Tool):
    """The component; its name is what the build looks for."""

    def describe(self) -> Definition:
        return Definition(
            name="calendar",
            description="Lists the free times of a day and books one of them for the caller. Times are those of the "
            "business. Ask for the day, and for a name before booking.",
            parameters=json.dumps(PARAMETERS),
            effect=Effect.CHANGES,
            hosts=[],
            timeout_ms=3000,
        )

    def call(self, context: Context, arguments: str) -> Reply:
        try:
            return answer(context, json.loads(arguments))
        except Refused as error:
            raise Err(FAILURES[error.kind](str(error))) from error
        except Err as error:
            log.write(log.Level.WARN, f"the records answered {error.value}")
            raise Err(Failure_Unavailable("the calendar cannot be read at the moment")) from error
        except Exception as error:
            # Anything else that is raised here ends the call, and nobody learns why. Not with `traceback`: it reads the
            # source, and a tool has no files.
            log.write(log.Level.ERROR, repr(error))
            raise Err(Failure_Other("the calendar is broken; a human has to book")) from error


def answer(context: Context, asked: dict[str, str]) -> Reply:
    now = booking.local_time(clock.now(), ZONES[context.time_zone])
    store = Records()
    day = booking.read_day(asked["date"])
    if asked["action"] == "free":
        return done({"date": asked["date"], "free": booking.clock_times(booking.free(store, day, now))})
    wish = booking.read_wish(day, asked.get("time"), asked.get("name"))
    if not context.confirmed:
        booking.check(store, wish, now)
        return Reply_Confirm(wish.question())
    booked = booking.book(store, wish, now, context.idempotency_key, context.caller)
    return done({"booked": booked}, speech=wish.promise(), data={"key": wish.key()})


def done(content: dict, speech: str | None = None, data: dict | None = None) -> Reply:
    kept = None if data is None else json.dumps(data)
    return Reply_Done(Answer(content=json.dumps(content), speech=speech, data=kept, follow_up=None))
