import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, cents, inWords, quote } from "../src/quote.js";

test("a price is the sum of its parts", () => {
  const once = quote({ rooms: 3, how_often: "once", extras: ["windows", "oven"] });
  assert.deepEqual(once, { cleaning: 6800, extras: 4000, reduction: 0, total: 10800, per: "for one visit" });
});

test("regular customers pay less, and a fraction of a cent is theirs to pay", () => {
  assert.equal(quote({ rooms: 1, how_often: "weekly" }).total, 3315);
  assert.equal(quote({ rooms: 2, how_often: "monthly", extras: ["balcony"] }).reduction, 315);
});

test("what has no price is refused", () => {
  for (const asked of [
    { rooms: 0, how_often: "once" },
    { rooms: 13, how_often: "once" },
    { rooms: 2.5, how_often: "once" },
    { rooms: 2, how_often: "toString" },
    { rooms: 2, how_often: "once", extras: ["constructor"] },
  ]) {
    assert.throws(() => quote(asked), Refused, JSON.stringify(asked));
  }
});

test("amounts are written and said", () => {
  assert.equal(cents(12905), "129.05");
  assert.equal(inWords(12950), "129 euros 50");
  assert.equal(inWords(3900), "39 euros");
});
