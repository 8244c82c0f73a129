//! A conversation that Vapi held, in the words of our log.

use std::time::Duration;

use ::vapi::{Turn, TurnLatency};
use events::{CallEvent, Latency};
use store::Timestamp;

/// The events of these turns, each at the time of its words where the report has it. What Vapi reports of its agent is
/// what was spoken, so all of it was heard.
pub(super) fn events(turns: &[Turn], now: Timestamp) -> Vec<(Timestamp, CallEvent)> {
    let at = |millis: Option<u64>| {
        let time = millis.and_then(|millis| i64::try_from(millis).ok()).filter(|millis| *millis > 0);
        // A clock that goes ahead of ours does not write into the future.
        time.map_or(now, |millis| Timestamp(millis.min(now.0)))
    };
    let mut events = Vec::new();
    for turn in turns {
        if let Some(caller) = &turn.caller {
            let event = CallEvent::TurnCommitted { turn: turn.number, text: caller.text.clone() };
            events.push((at(caller.began), event));
        }
        if let Some(agent) = &turn.agent {
            // A turn begins with its first event.
            let time = if turn.caller.is_some() { agent.ended } else { agent.began };
            let event = CallEvent::TurnFinished {
                turn: turn.number,
                said: agent.text.clone(),
                heard: agent.text.clone(),
                interrupted: false,
                latency: turn.latency.map(latency),
            };
            events.push((at(time), event));
        }
    }
    events
}

/// The stages as Vapi measures them; what it does not name is overhead, so that the stages sum to the total.
fn latency(of: TurnLatency) -> Latency {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let parts = [of.endpointing, of.transcriber, of.model, of.voice].map(micros);
    let total = micros(of.total).max(parts.iter().sum());
    let overhead = total - parts.iter().sum::<u64>();
    let [endpoint_wait, stt_tail, llm_first_token, tts_first_byte] = parts.map(millis);
    Latency {
        endpoint_wait,
        stt_tail,
        llm_first_token,
        tts_first_byte,
        host_overhead: millis(overhead),
        total: millis(total),
        ..Latency::default()
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use ::vapi::Words;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_179_851_000);

    #[test]
    fn a_turn_begins_with_the_first_words_and_ends_with_the_last() {
        let turns = [
            Turn { number: 0, agent: Some(words("Hello.", 100, 200)), ..Turn::default() },
            Turn {
                number: 1,
                caller: Some(words("A haircut.", 300, 400)),
                agent: Some(words("At four?", 500, 600)),
                latency: None,
            },
            Turn { number: 2, caller: Some(words("Yes.", 700, 800)), ..Turn::default() },
        ];
        let events: Vec<_> = events(&turns, NOW).into_iter().map(|(at, event)| (at.0, event)).collect();
        let finished = |turn, text: &str| CallEvent::TurnFinished {
            turn,
            said: text.into(),
            heard: text.into(),
            interrupted: false,
            latency: None,
        };
        let committed = |turn, text: &str| CallEvent::TurnCommitted { turn, text: text.into() };
        assert_eq!(
            events,
            [
                (100, finished(0, "Hello.")),
                (300, committed(1, "A haircut.")),
                (600, finished(1, "At four?")),
                (700, committed(2, "Yes.")),
            ]
        );
    }

    #[test]
    fn nothing_is_said_in_the_future() {
        let turns = [Turn {
            number: 1,
            caller: Some(words("Hi.", u64::MAX, 0)),
            agent: Some(Words { text: "Yes?".into(), began: None, ended: Some(9_795_179_851_000) }),
            latency: None,
        }];
        assert!(events(&turns, NOW).iter().all(|(at, _)| *at == NOW));
    }

    #[test]
    fn the_stages_sum_to_the_total_whatever_was_measured() {
        for (voice, total) in [(150.25, 1000.5), (700.0, 10.0), (0.001, 0.0)] {
            let ms = |ms: f64| Duration::from_secs_f64(ms / 1000.0);
            let of = TurnLatency {
                model: ms(400.333),
                endpointing: ms(300.0),
                voice: ms(voice),
                total: ms(total),
                ..TurnLatency::default()
            };
            let latency = latency(of);
            assert!(latency.closes(), "{latency:?}");
            assert!(latency.host_overhead >= 0.0 && latency.llm_first_token > 400.0);
        }
    }

    fn words(text: &str, began: u64, ended: u64) -> Words {
        Words { text: text.into(), began: Some(began), ended: Some(ended) }
    }
}
