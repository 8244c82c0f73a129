// What the tool does. All amounts are whole cents, so that nothing is lost in adding them.

/** Why there is no price; the model is told the message. */
export class Refused extends Error {}

const FIRST_ROOM = 39_00;
const NEXT_ROOM = 14_50;
const EXTRAS = { windows: 22_00, oven: 18_00, balcony: 9_50 };

/** What regular customers pay less, in percent, and what a price is for. */
const RHYTHMS = {
  once: { less: 0, per: "for one visit" },
  monthly: { less: 5, per: "per visit" },
  fortnightly: { less: 10, per: "per visit" },
  weekly: { less: 15, per: "per visit" },
};

/** The price of cleaning, with the parts that it is made of. */
export function quote({ rooms, how_often: howOften, extras = [] }) {
  if (!Number.isInteger(rooms) || rooms < 1 || rooms > 12) {
    throw new Refused("we clean flats of 1 to 12 rooms; for more, offer a visit to look at them");
  }
  if (!Object.hasOwn(RHYTHMS, howOften)) throw new Refused("`how_often` is once, monthly, fortnightly or weekly");
  const unknown = extras.find((extra) => !Object.hasOwn(EXTRAS, extra));
  if (unknown !== undefined) throw new Refused(`there is no extra "${unknown}"`);

  const { less, per } = RHYTHMS[howOften];
  const cleaning = FIRST_ROOM + (rooms - 1) * NEXT_ROOM;
  const besides = extras.reduce((sum, extra) => sum + EXTRAS[extra], 0);
  const reduction = Math.floor(((cleaning + besides) * less) / 100);
  return { cleaning, extras: besides, reduction, total: cleaning + besides - reduction, per };
}

/** `12950` as `129.50`. */
export function cents(amount) {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
}

/** `12950` as people say it. */
export function inWords(amount) {
  const rest = amount % 100;
  const euros = `${Math.floor(amount / 100)} euros`;
  return rest === 0 ? euros : `${euros} ${rest}`;
}
