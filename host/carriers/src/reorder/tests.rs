use proptest::prelude::*;

use super::*;

#[test]
fn a_lost_chunk_delays_the_others_by_the_window_and_no_more() {
    let mut run = Run::new(Settings::default());
    for number in [1, 2, 4, 5, 6, 7] {
        run.arrive(number);
    }
    assert_eq!(run.numbers(), [1, 2], "chunk 3 may still come");
    run.arrive(8);
    assert_eq!(run.numbers(), [1, 2, 4, 5, 6, 7, 8]);
    run.arrive(9);
    assert_eq!(run.numbers().last(), Some(&9), "the delay is over");
    assert_eq!(run.window.lost(), 1);
    run.arrive(3);
    assert_eq!((run.window.lost(), run.window.late()), (1, 1));
}

#[test]
fn what_is_missing_is_given_up_in_time_where_nothing_more_comes() {
    let mut window = Window::new(Settings::default());
    window.push(chunk(1), ms(0)).unwrap();
    assert_eq!(window.pop(ms(0)), Some(chunk(1)));
    assert_eq!(window.deadline(), None);
    window.push(chunk(3), ms(40)).unwrap();
    assert_eq!(window.pop(ms(139)), None);
    assert_eq!(window.deadline(), Some(ms(140)));
    assert_eq!(window.pop(ms(140)), Some(chunk(3)));
}

#[test]
fn a_gap_is_given_up_when_the_media_time_runs_far_ahead() {
    let mut window = Window::new(Settings::default());
    let long = |number, timestamp| Chunk { number, timestamp: ms(timestamp), payload: vec![0xFF; 480] };
    window.push(long(1, 0), ms(0)).unwrap();
    assert!(window.pop(ms(0)).is_some());
    window.push(long(3, 120), ms(1)).unwrap();
    assert_eq!(window.pop(ms(1)).map(|chunk| chunk.number), Some(3));
}

#[test]
fn a_track_that_begins_late_has_lost_nothing() {
    let mut run = Run::new(Settings::default());
    for number in [7, 6, 8] {
        run.arrive(number);
    }
    assert!(run.numbers().is_empty(), "an earlier one may still come");
    run.window.close();
    run.take();
    assert_eq!(run.numbers(), [6, 7, 8]);
    assert_eq!(run.window.lost(), 0);
}

#[test]
fn a_chunk_that_comes_twice_counts_as_a_duplicate_held_or_given_out() {
    let mut window = Window::new(Settings::default());
    for (number, reason) in
        [(1, None), (3, None), (3, Some(Rejection::Duplicate)), (1, Some(Rejection::Duplicate))]
    {
        let rejected = window.push(chunk(number), ms(0)).err();
        assert_eq!(rejected.as_ref().map(|rejected| rejected.reason), reason);
        assert!(rejected.is_none_or(|rejected| rejected.chunk == chunk(number)), "the buffer comes back");
        while window.pop(ms(0)).is_some() {}
    }
    assert_eq!(window.duplicates(), 2);
}

#[test]
fn a_window_that_is_not_emptied_refuses_more() {
    let mut window = Window::new(Settings { chunks: 2, ..Settings::default() });
    assert!(window.push(chunk(3), ms(0)).is_ok());
    assert!(window.push(chunk(4), ms(0)).is_ok());
    assert_eq!(window.push(chunk(5), ms(0)).map_err(|rejected| rejected.reason), Err(Rejection::Full));
}

#[test]
fn numbers_at_the_end_of_the_range_do_no_harm() {
    let mut run = Run::new(Settings { chunks: 1, ..Settings::default() });
    for number in [1, u64::MAX - 1, u64::MAX, u64::MAX, 2] {
        run.arrive(number);
    }
    assert_eq!(run.numbers(), [1, u64::MAX - 1, u64::MAX]);
    assert_eq!((run.window.duplicates(), run.window.late()), (1, 1));
}

#[test]
fn a_carrier_that_counts_anew_is_heard_again_within_little_more_than_a_second() {
    for first in [u64::MAX, 1_000] {
        let mut run = Run::new(Settings::default());
        run.arrive(1);
        run.arrive(first);
        run.rest(ms(100));
        for number in 2..70 {
            run.rest(ms(20));
            run.arrive(number);
        }
        assert_eq!(run.numbers()[..2], [1, first]);
        let again: Vec<u64> = run.numbers()[2..].to_vec();
        assert_eq!(again, (51..70).collect::<Vec<_>>(), "{first}");
    }
}

#[test]
fn chunks_that_are_all_sent_twice_are_not_counted_anew() {
    let mut run = Run::new(Settings::default());
    for number in 1..200 {
        run.arrive(number);
        run.arrive(number);
    }
    assert_eq!(run.numbers(), (1..200).collect::<Vec<_>>());
    assert_eq!(run.window.duplicates(), 199);
}

proptest! {
    #[test]
    fn chunks_displaced_within_the_window_come_out_in_order_and_complete(
        chunks in 1_usize..10,
        delays in proptest::collection::vec(any::<prop::sample::Index>(), 1..80),
    ) {
        let mut order: Vec<(usize, usize)> =
            delays.iter().enumerate().map(|(index, delay)| (index + delay.index(chunks + 1), index)).collect();
        order.sort();
        let mut run = Run::new(Settings { chunks, max_delay: ms(20 * chunks as u64) });
        for (_, index) in &order {
            run.arrive_at(*index as u64 + 1, ms(0));
        }
        let expected: Vec<u64> = (1..=delays.len() as u64).collect();
        prop_assert_eq!(run.numbers(), expected);
        prop_assert_eq!((run.window.lost(), run.window.late(), run.window.duplicates()), (0, 0, 0));
    }

    #[test]
    fn whatever_arrives_comes_out_in_order_within_the_delay_and_is_accounted_for(
        chunks in 1_usize..8,
        max_delay in 0_u64..200,
        arrivals in proptest::collection::vec((0_u64..60, 0_u64..40), 1..150),
    ) {
        let settings = Settings { chunks, max_delay: ms(max_delay) };
        let mut run = Run::new(settings);
        for (number, pause) in &arrivals {
            run.rest(ms(*pause));
            run.arrive(*number);
            prop_assert!(run.window.held.len() < chunks, "a full window gives up a gap");
        }
        let held = run.window.held.len();
        let refused = run.window.late() + run.window.duplicates();
        prop_assert_eq!(run.given.len() as u64 + held as u64 + refused, arrivals.len() as u64);
        run.window.close();
        run.take();
        let numbers = run.numbers();
        prop_assert!(numbers.is_sorted_by(|left, right| left < right), "{numbers:?}");
        let span = numbers.last().unwrap() - numbers.first().unwrap() + 1;
        prop_assert_eq!(numbers.len() as u64 + run.window.lost(), span);
        for (_, waited) in &run.given {
            prop_assert!(*waited <= settings.max_delay, "{waited:?}");
        }
    }
}

/// A window and the clock of whoever drives it.
struct Run {
    window: Window,
    now: Duration,
    arrived: std::collections::BTreeMap<u64, Duration>,
    /// What came out, and how long it was held.
    given: Vec<(u64, Duration)>,
}

impl Run {
    fn new(settings: Settings) -> Self {
        Self { window: Window::new(settings), now: ms(0), arrived: Default::default(), given: Vec::new() }
    }

    fn arrive(&mut self, number: u64) {
        self.arrive_at(number, self.now);
    }

    fn arrive_at(&mut self, number: u64, now: Duration) {
        self.now = now;
        if self.window.push(chunk(number), now).is_ok() {
            self.arrived.insert(number, now);
        }
        self.take();
    }

    /// Lets time pass; wakes at every deadline on the way.
    fn rest(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.window.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.take();
            assert_ne!(self.window.deadline(), Some(deadline), "a deadline is met");
        }
        self.now = end;
    }

    fn take(&mut self) {
        while let Some(chunk) = self.window.pop(self.now) {
            self.given.push((chunk.number, self.now - self.arrived[&chunk.number]));
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.given.iter().map(|(number, _)| *number).collect()
    }
}

fn chunk(number: u64) -> Chunk {
    Chunk { number, timestamp: ms(number.saturating_mul(20)), payload: vec![0xFF; 160] }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
