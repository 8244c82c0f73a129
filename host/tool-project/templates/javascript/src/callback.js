// What the tool does. Knows nothing of WebAssembly, so that it runs in Node's tests.

/** Why a call does not do what was asked; the model is told the message. */
export class Failure extends Error {
  /** @param {"invalid" | "not-found" | "conflict" | "unavailable" | "other"} kind */
  constructor(kind, message) {
    super(message);
    this.variant = { tag: kind, val: message };
  }
}

/** Reads the model's arguments; `caller` is the number they call from, empty where it is withheld. */
export function readRequest(args, caller) {
  const { topic, when, phone = caller } = JSON.parse(args);
  const subject = topic.trim();
  if (subject === "") throw new Failure("invalid", "`topic` is empty: ask what it is about");
  if (phone === "") {
    throw new Failure("invalid", "the caller's number is withheld: ask for one and pass it as `phone`");
  }
  return {
    topic: subject,
    when,
    phone,
    question: `Shall we call you back in the ${when} about ${subject}?`,
    promise: `We will call you back in the ${when} about ${subject}.`,
    summary: `Noted: a callback in the ${when} about ${subject}.`,
  };
}

/** Notes `request` once for each `idempotencyKey`, however often the call is tried; whether it was the first. */
export function noteOnce(records, { topic, when, phone }, idempotencyKey, now) {
  return records.insert(`callbacks/${idempotencyKey}`, JSON.stringify({ topic, when, phone, notedAt: now }));
}
