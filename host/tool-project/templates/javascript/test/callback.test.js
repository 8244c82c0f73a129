import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure, noteOnce, readRequest } from "../src/callback.js";

function notebook() {
  const notes = new Map();
  const insert = (key, value) => !notes.has(key) && Boolean(notes.set(key, value));
  return { notes, insert };
}

test("a callback is noted once for each call", () => {
  const records = notebook();
  const request = readRequest('{"topic": " my invoice ", "when": "morning"}', "+12025550143");
  assert.equal(noteOnce(records, request, "key-1", 5), true);
  assert.equal(noteOnce(records, request, "key-1", 6), false);
  assert.equal(records.notes.size, 1);
  assert.equal(JSON.parse(records.notes.get("callbacks/key-1")).phone, "+12025550143");
});

test("the caller is asked before and told after", () => {
  const request = readRequest('{"topic": "my invoice", "when": "morning"}', "+12025550143");
  assert.equal(request.question, "Shall we call you back in the morning about my invoice?");
  assert.equal(request.promise, "We will call you back in the morning about my invoice.");
});

test("what cannot be met is told to the model", () => {
  assert.throws(() => readRequest('{"topic": " ", "when": "morning"}', "+1"), Failure);
  assert.throws(() => readRequest('{"topic": "x", "when": "morning"}', ""), /withheld/);
});
