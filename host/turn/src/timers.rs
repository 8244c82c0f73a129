//! Timers as data: a table of deadlines indexed by what they are for.

use crate::CallTime;

/// What the core can be waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The carrier has not started the stream.
    Connect,
    /// The call is as long as it may be, less the time for a goodbye.
    MaxDuration,
    /// Nobody speaks.
    Silence,
    /// The caller speaks without an end.
    CallerTurn,
    /// No frame of the caller's audio comes.
    AudioIdle,
    /// The caller's turn is to be committed, unless something changes.
    Endpoint,
    /// The caller's turn must be decided, whatever happens.
    Watchdog,
    /// Memory and sentiment are late.
    Context,
    /// The model is silent.
    Model,
    /// The synthesiser is silent.
    Speech,
    /// A tool is late.
    Tool,
    /// There is room for more audio at the carrier.
    Pace,
    /// All sent audio should have been played.
    Playback,
    /// A possible interruption is to be judged.
    Decide,
    /// A possible interruption must be judged.
    Resume,
    /// No further key was pressed.
    Keypad,
    /// The goodbye has had its time.
    Close,
    /// The caller has waited for long enough to be told so.
    Filler,
    /// A failed request is to be made again.
    Retry,
    /// Who answered an outbound call is to be judged.
    Screen,
}

impl Timer {
    const ALL: [Self; 20] = [
        Self::Connect,
        Self::MaxDuration,
        Self::Silence,
        Self::CallerTurn,
        Self::AudioIdle,
        Self::Endpoint,
        Self::Watchdog,
        Self::Context,
        Self::Model,
        Self::Speech,
        Self::Tool,
        Self::Pace,
        Self::Playback,
        Self::Decide,
        Self::Resume,
        Self::Keypad,
        Self::Close,
        Self::Filler,
        Self::Retry,
        Self::Screen,
    ];
}

/// The deadlines that are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimerTable {
    deadlines: [Option<CallTime>; Timer::ALL.len()],
}

impl TimerTable {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: CallTime) {
        if let Some(deadline) = self.deadlines.get_mut(timer as usize) {
            *deadline = Some(at);
        }
    }

    /// Sets a deadline where none is set.
    pub(crate) fn set_if_idle(&mut self, timer: Timer, at: CallTime) {
        if self.get(timer).is_none() {
            self.set(timer, at);
        }
    }

    /// Sets a deadline, or moves it forward; never back.
    pub(crate) fn set_no_later(&mut self, timer: Timer, at: CallTime) {
        let at = self.get(timer).map_or(at, |set| set.min(at));
        self.set(timer, at);
    }

    /// Removes a deadline.
    pub(crate) fn stop(&mut self, timer: Timer) {
        if let Some(deadline) = self.deadlines.get_mut(timer as usize) {
            *deadline = None;
        }
    }

    /// Removes several.
    pub(crate) fn stop_all(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.stop(*timer);
        }
    }

    /// The deadline, if set.
    pub(crate) fn get(&self, timer: Timer) -> Option<CallTime> {
        self.deadlines.get(timer as usize).copied().flatten()
    }

    /// The earliest deadline.
    pub(crate) fn next_timeout(&self) -> Option<CallTime> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Removes and returns the earliest timer that is due at `now`; of several
    /// with the same deadline, the first in the order of the enum.
    pub(crate) fn pop_due(&mut self, now: CallTime) -> Option<Timer> {
        let due = Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((self.get(timer)?, timer)))
            .filter(|(at, _)| *at <= now)
            .min_by_key(|(at, _)| *at)
            .map(|(_, timer)| timer)?;
        self.stop(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn due_timers_come_out_in_the_order_of_their_deadlines() {
        let mut table = TimerTable::default();
        table.set(Timer::Close, ms(10));
        table.set(Timer::Silence, ms(20));
        table.set(Timer::Tool, ms(31));
        assert_eq!(table.next_timeout(), Some(ms(10)));
        assert_eq!(table.pop_due(ms(30)), Some(Timer::Close));
        assert_eq!(table.pop_due(ms(30)), Some(Timer::Silence));
        assert_eq!(table.pop_due(ms(30)), None);
        assert_eq!(table.next_timeout(), Some(ms(31)));
    }

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }

    #[test]
    fn a_deadline_can_be_brought_forward_but_not_back() {
        let mut table = TimerTable::default();
        table.set_no_later(Timer::Close, ms(10));
        table.set_no_later(Timer::Close, ms(20));
        assert_eq!(table.get(Timer::Close), Some(ms(10)));
        table.set_no_later(Timer::Close, ms(5));
        assert_eq!(table.get(Timer::Close), Some(ms(5)));
    }

    fn ms(ms: u64) -> CallTime {
        Duration::from_millis(ms)
    }
}
