import unittest
from datetime import date, datetime, timedelta, timezone

import booking
from booking import Refused, Wish

TUESDAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 8, 0)


class Pages:
    """Bookings in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.stored.get(key)

    def insert(self, key: str, value: str) -> bool:
        return self.stored.setdefault(key, value) is value

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.stored if key.startswith(prefix))


def wish(hour: int, minute: int = 0, name: str = "Ana") -> Wish:
    return Wish(datetime(2026, 11, 24, hour, minute), name)


class Bookings(unittest.TestCase):
    def setUp(self) -> None:
        self.pages = Pages()

    def refused(self, wished: Wish, now: datetime = MORNING) -> Refused:
        with self.assertRaises(Refused) as caught:
            booking.check(self.pages, wished, now)
        return caught.exception

    def test_a_day_offers_what_lies_ahead_and_is_not_taken(self) -> None:
        self.assertEqual(len(booking.free(self.pages, TUESDAY, MORNING)), 16)
        booking.book(self.pages, wish(15), MORNING, "key-1", "+1")
        now = datetime(2026, 11, 24, 14, 30)
        left = booking.clock_times(booking.free(self.pages, TUESDAY, now))
        self.assertEqual(left, ["15:30", "16:00", "16:30"])
        self.assertEqual(booking.free(self.pages, date(2026, 11, 28), MORNING), [])

    def test_a_call_that_comes_again_books_once(self) -> None:
        for now in [MORNING, datetime(2026, 11, 24, 15, 1)]:
            self.assertEqual(booking.book(self.pages, wish(15), now, "key-1", "+1"), "2026-11-24T15:00")
        self.assertEqual(len(self.pages.stored), 1)

    def test_who_comes_second_is_told_what_is_left(self) -> None:
        booking.book(self.pages, wish(15), MORNING, "key-1", "+1")
        with self.assertRaises(Refused) as caught:
            booking.book(self.pages, wish(15, name="Ben"), MORNING, "key-2", "+2")
        self.assertEqual(caught.exception.kind, "conflict")
        self.assertIn("free are 14:00, 14:30, 15:30", str(caught.exception))

    def test_of_two_at_once_one_gets_the_time(self) -> None:
        class Raced(Pages):
            def insert(self, key: str, value: str) -> bool:
                self.stored[key] = '{"idempotency_key": "other"}'
                return False

        with self.assertRaises(Refused) as caught:
            booking.book(Raced(), wish(15), MORNING, "key-1", "+1")
        self.assertEqual(caught.exception.kind, "conflict")

    def test_what_cannot_be_booked_is_refused_before_anybody_is_asked(self) -> None:
        self.assertIn("half hour", str(self.refused(wish(15, 10))))
        self.assertIn("half hour", str(self.refused(wish(17))))
        self.assertIn("over", str(self.refused(wish(9), datetime(2026, 11, 24, 9, 0))))

    def test_what_does_not_fit_is_told_to_the_model(self) -> None:
        for read in [
            lambda: booking.read_day("2026-02-30"),
            lambda: booking.read_wish(TUESDAY, "25:00", "Ana"),
            lambda: booking.read_wish(TUESDAY, "15:00", " "),
            lambda: booking.read_wish(TUESDAY, None, "Ana"),
        ]:
            with self.assertRaises(Refused) as caught:
                read()
            self.assertEqual(caught.exception.kind, "invalid")

    def test_the_caller_is_asked_and_told_in_words(self) -> None:
        self.assertEqual(wish(15).question(), "Shall I book Tuesday 24 November at 15:00 for Ana?")
        self.assertEqual(wish(15).promise(), "You are booked for Tuesday 24 November at 15:00.")

    def test_the_clock_is_the_businesss(self) -> None:
        zone = timezone(timedelta(hours=1))
        self.assertEqual(booking.local_time(1_795_528_800_000, zone), datetime(2026, 11, 24, 15, 0))


if __name__ == "__main__":
    unittest.main()
