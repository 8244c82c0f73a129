// An example of a tenant's tool in JavaScript: what cleaning a flat costs.
//
// It uses nothing but its arguments, so the same arguments give the same answer and the platform may keep it.
// Here is only what ties the logic in quote.js to the platform.

import { Refused, cents, inWords, quote } from "./quote.js";

// What the model may ask for. It is given this schema, and its arguments are checked against it.
const parameters = {
  type: "object",
  properties: {
    rooms: { type: "integer", minimum: 1, maximum: 12, description: "rooms, without kitchen and bath" },
    how_often: { type: "string", enum: ["once", "monthly", "fortnightly", "weekly"] },
    extras: {
      type: "array",
      items: { type: "string", enum: ["windows", "oven", "balcony"] },
      uniqueItems: true,
      description: "what is to be cleaned besides",
    },
  },
  required: ["rooms", "how_often"],
  additionalProperties: false,
};

export const tool = {
  describe() {
    return {
      name: "price-quote",
      description: "Says what cleaning a flat costs, tax included. Ask how many rooms it has and how often to come.",
      parameters: JSON.stringify(parameters),
      effect: "pure",
      hosts: [],
      timeoutMs: 1000,
    };
  },

  call(_context, args) {
    try {
      const found = quote(JSON.parse(args));
      return {
        tag: "done",
        val: {
          content: JSON.stringify({ price: cents(found.total), currency: "EUR", per: found.per }),
          speech: `That is ${inWords(found.total)} ${found.per}, tax included.`,
          data: JSON.stringify(found),
          followUp: "calendar",
        },
      };
    } catch (error) {
      // A failure is thrown as the variant that it is.
      if (error instanceof Refused) throw { tag: "invalid", val: error.message };
      throw { tag: "other", val: "no price can be given; a human has to" };
    }
  },
};
