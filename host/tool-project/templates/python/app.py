"""Notes that a caller wants to be called back.

Here is only what ties the logic in callback.py to the platform.
"""

import json

import callback
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.tool import (
    Answer,
    Context,
    Definition,
    Effect,
    Failure_Invalid,
    Failure_Other,
    Failure_Unavailable,
    Reply,
    Reply_Confirm,
    Reply_Done,
)
from wit_world.imports import clock, log, records

# What the model may ask for. It is given this schema, and its arguments are checked against it.
PARAMETERS = {
    "type": "object",
    "properties": {
        "topic": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "what it is about, in the caller's words: my invoice",
        },
        "when": {
            "type": "string",
            "enum": ["morning", "afternoon"],
            "description": "when the caller can be reached",
        },
        "phone": {
            "type": "string",
            "pattern": r"^\+[1-9][0-9]{4,14}$",
            "description": "E.164; only where it is not the number they call from",
        },
    },
    "required": ["topic", "when"],
    "additionalProperties": False,
}


class Records:
    """The platform's records."""

    def insert(self, key: str, value: str) -> bool:
        """Stores `value` under a key that must be free; whether it was."""
        try:
            records.insert(key, value.encode())
        except Err as error:
            if isinstance(error.value, records.Error_Conflict):
                return False
            raise Err(Failure_Unavailable("it cannot be noted at the moment")) from error
        return True


class Tool(exports.Tool):
    """The component; its name is what the build looks for."""

    def describe(self) -> Definition:
        return Definition(
            name="{{name}}",
            description="Notes that the caller wants to be called back. Use it when they ask for that, or when "
            "nobody can help them now and they agree to it.",
            parameters=json.dumps(PARAMETERS),
            effect=Effect.CHANGES,
            hosts=[],
            timeout_ms=2000,
        )

    def call(self, context: Context, arguments: str) -> Reply:
        try:
            return answer(context, arguments)
        except callback.Invalid as error:
            raise Err(Failure_Invalid(str(error))) from error
        except Err:
            raise
        except Exception as error:
            # Anything else that is raised here ends the call, and nobody learns why. Not with `traceback`: it reads the
            # source, and a tool has no files.
            log.write(log.Level.ERROR, repr(error))
            raise Err(Failure_Other("the tool is broken; a human has to mend it")) from error


def answer(context: Context, arguments: str) -> Reply:
    request = callback.read(arguments, context.caller)
    if not context.confirmed:
        return Reply_Confirm(request.question())
    fresh = callback.note_once(Records(), request, context.idempotency_key, clock.now())
    log.write(log.Level.INFO, "noted a callback" if fresh else "the same call came again")
    return Reply_Done(Answer(content=request.summary(), speech=request.promise(), data=None, follow_up=None))
