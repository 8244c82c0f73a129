"""What the tool does. Knows nothing of WebAssembly, so that it runs in ordinary tests."""

import json
from dataclasses import dataclass
from typing import Protocol


class Invalid(Exception):
    """What was asked for cannot be met; the model is told the message."""


class Store(Protocol):
    """Where callbacks are noted: the platform's records, or a dictionary in a test."""

    def insert(self, key: str, value: str) -> bool: ...


@dataclass
class Request:
    """What the caller wants."""

    topic: str
    when: str
    phone: str

    def question(self) -> str:
        """What the caller is asked before anything is noted."""
        return f"Shall we call you back in the {self.when} about {self.topic}?"

    def promise(self) -> str:
        """What the caller is told, word for word."""
        return f"We will call you back in the {self.when} about {self.topic}."

    def summary(self) -> str:
        """What the model is told."""
        return f"Noted: a callback in the {self.when} about {self.topic}."


def read(arguments: str, caller: str) -> Request:
    """Reads the model's arguments; `caller` is the number they call from, empty where it is withheld."""
    given = json.loads(arguments)
    topic = given["topic"].strip()
    if not topic:
        raise Invalid("`topic` is empty: ask what it is about")
    phone = given.get("phone", caller)
    if not phone:
        raise Invalid("the caller's number is withheld: ask for one and pass it as `phone`")
    return Request(topic, given["when"], phone)


def note_once(store: Store, request: Request, idempotency_key: str, now_ms: int) -> bool:
    """Notes `request` once for each key, however often the call is tried; whether it was the first."""
    note = {"topic": request.topic, "when": request.when, "phone": request.phone, "noted_at": now_ms}
    return store.insert(f"callbacks/{idempotency_key}", json.dumps(note))
