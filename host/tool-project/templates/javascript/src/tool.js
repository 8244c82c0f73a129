// Notes that a caller wants to be called back.
//
// Here is only what ties the logic in callback.js to the platform.

import { now } from "voicehive:tool/clock@0.1.0";
import { write } from "voicehive:tool/log@0.1.0";
import { insert } from "voicehive:tool/records@0.1.0";

import { Failure, noteOnce, readRequest } from "./callback.js";

// What the model may ask for. It is given this schema, and its arguments are checked against it.
const parameters = {
  type: "object",
  properties: {
    topic: {
      type: "string",
      minLength: 1,
      maxLength: 200,
      description: "what it is about, in the caller's words: my invoice",
    },
    when: { type: "string", enum: ["morning", "afternoon"], description: "when the caller can be reached" },
    phone: {
      type: "string",
      pattern: "^\\+[1-9][0-9]{4,14}$",
      description: "E.164; only where it is not the number they call from",
    },
  },
  required: ["topic", "when"],
  additionalProperties: false,
};

const records = {
  /** Stores `value` under a key that must be free; whether it was. */
  insert(key, value) {
    try {
      insert(key, new TextEncoder().encode(value));
      return true;
    } catch (error) {
      // An import that answers with an error throws it; `payload` is the variant.
      if (error.payload?.tag === "conflict") return false;
      throw new Failure("unavailable", "it cannot be noted at the moment");
    }
  },
};

export const tool = {
  describe() {
    return {
      name: "{{name}}",
      description:
        "Notes that the caller wants to be called back. Use it when they ask for that, or when nobody can help " +
        "them now and they agree to it.",
      parameters: JSON.stringify(parameters),
      effect: "changes",
      hosts: [],
      timeoutMs: 2000,
    };
  },

  call(context, args) {
    try {
      const request = readRequest(args, context.caller);
      if (!context.confirmed) return { tag: "confirm", val: request.question };
      const fresh = noteOnce(records, request, context.idempotencyKey, Number(now()));
      write("info", fresh ? "noted a callback" : "the same call came again");
      return { tag: "done", val: { content: request.summary, speech: request.promise } };
    } catch (error) {
      if (error instanceof Failure) throw error.variant;
      // Anything else that is thrown here ends the call, and nobody learns why.
      write("error", String(error?.stack ?? error));
      throw { tag: "other", val: "the tool is broken; a human has to mend it" };
    }
  },
};
