use super::*;

#[test]
fn audio_is_at_most_the_lead_ahead() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    let sent = drain(&mut playout, ms(0));
    assert_eq!(bytes_of(&sent), 300 * 8);
    assert_eq!(playout.wake_at(), Some(ms(60)));
    assert_eq!(bytes_of(&drain(&mut playout, ms(59))), 0);
    assert_eq!(bytes_of(&drain(&mut playout, ms(60))), 60 * 8);
}

#[test]
fn a_late_wake_up_catches_up_and_never_exceeds_the_lead() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    drain(&mut playout, ms(0));
    assert_eq!(bytes_of(&drain(&mut playout, ms(500))), 300 * 8);
    assert_eq!(playout.dry_at(), ms(800));
}

#[test]
fn a_mark_follows_the_first_frame_every_half_second_each_clause_and_the_end() {
    let mut playout = playout();
    playout.push(audio(ms(700)));
    playout.end_clause();
    playout.push(audio(ms(30)));
    playout.end_clause();
    playout.end_turn();
    let mut at = Duration::ZERO;
    let mut sent = 0;
    let mut marks = Vec::new();
    while !playout.all_sent() || playout.mark_is_due() {
        for transmit in drain(&mut playout, at) {
            match transmit {
                Transmit::Audio(payload) => sent += payload.len() / 8,
                Transmit::Mark(name) => marks.push((name.0, sent)),
            }
        }
        at += ms(20);
    }
    let expected = [("t3-0", 20), ("t3-1", 520), ("t3-2", 700), ("t3-3", 740)];
    assert_eq!(marks, expected.map(|(name, at)| (name.to_owned(), at)));
}

#[test]
fn the_end_of_a_turn_is_padded_with_silence_to_a_frame() {
    let mut playout = playout();
    playout.push(Bytes::from_static(&[1; 100]));
    assert_eq!(drain(&mut playout, ms(0)), []);
    playout.end_turn();
    let sent = drain(&mut playout, ms(0));
    let Some(Transmit::Audio(payload)) = sent.first() else { panic!("{sent:?}") };
    assert_eq!(payload.len(), 160);
    assert_eq!(payload[99..102], [1, 0xFF, 0xFF]);
    assert_eq!(playout.dry_at(), ms(20));
}

#[test]
fn frames_cross_chunks_without_a_gap() {
    let mut playout = playout();
    let all: Vec<u8> = (0..1000u32).map(|i| (i % 251) as u8).collect();
    for piece in all.chunks(70) {
        playout.push(Bytes::copy_from_slice(piece));
    }
    playout.end_turn();
    let sent: Vec<u8> = (0..20).flat_map(|i| drain(&mut playout, ms(i * 20))).flat_map(payload_of).collect();
    assert_eq!(sent.len(), 1120);
    assert_eq!(sent[..1000], all);
}

#[test]
fn payloads_are_slices_of_what_came() {
    let mut playout = playout();
    let data = audio(ms(200));
    playout.push(data.clone());
    let sent = drain(&mut playout, ms(0));
    let payloads: Vec<Bytes> =
        sent.into_iter().map(payload_of).filter(|payload| !payload.is_empty()).collect();
    assert_eq!(payloads[1].as_ptr(), data[160..].as_ptr());
}

#[test]
fn marks_credit_what_precedes_them_and_measure_the_delay() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    drain(&mut playout, ms(0));
    assert_eq!(playout.heard(ms(50)), 0);
    playout.acknowledge(ms(80), &mark(0));
    assert_eq!(playout.lag, ms(60));
    assert_eq!(playout.heard(ms(80)), 20 * 8);
    assert_eq!(playout.heard(ms(200)), 140 * 8);
    assert_eq!(playout.heard(ms(2000)), 300 * 8);
}

#[test]
fn a_mark_before_its_time_a_duplicate_and_a_stranger_credit_nothing() {
    let mut playout = playout();
    playout.push(audio(ms(600)));
    playout.end_turn();
    drain(&mut playout, ms(0));
    drain(&mut playout, ms(300));
    playout.acknowledge(ms(300), &MarkName("t3-9".into()));
    playout.acknowledge(ms(300), &mark(0));
    let heard = playout.heard(ms(301));
    playout.acknowledge(ms(301), &mark(0));
    assert_eq!(playout.heard(ms(301)), heard);
    playout.acknowledge(ms(301), &mark(1));
    assert!(playout.heard(ms(301)) <= 321 * 8);
}

#[test]
fn a_late_old_mark_after_a_newer_one_changes_nothing() {
    let mut playout = playout();
    playout.push(audio(ms(1200)));
    for at in 0..60 {
        drain(&mut playout, ms(at * 20));
    }
    playout.acknowledge(ms(1100), &mark(2));
    let heard = playout.heard(ms(1100));
    playout.acknowledge(ms(1101), &mark(1));
    playout.acknowledge(ms(1102), &mark(0));
    assert!(playout.heard(ms(1102)) >= heard && playout.heard(ms(1102)) <= heard + 2 * 8);
}

#[test]
fn marks_after_a_cut_credit_nothing() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    drain(&mut playout, ms(0));
    assert!(playout.cut(ms(150)));
    let heard = playout.heard(ms(150));
    assert_eq!(heard, 50 * 8);
    playout.acknowledge(ms(170), &mark(0));
    assert_eq!(playout.heard(ms(9000)), heard);
    assert!(!playout.cut(ms(200)));
}

#[test]
fn a_resumed_turn_repeats_from_where_it_is_told() {
    let mut playout = playout();
    let all: Vec<u8> = (0..16_000u32).map(|i| (i % 251) as u8).collect();
    playout.push(Bytes::from(all.clone()));
    drain(&mut playout, ms(0));
    playout.cut(ms(200));
    playout.resume(400);
    let sent: Vec<u8> = drain(&mut playout, ms(700)).into_iter().flat_map(payload_of).collect();
    assert_eq!(sent, all[400..400 + 2400]);
    assert_eq!(playout.heard(ms(700)), 100 * 8);
    assert_eq!(playout.heard(ms(1000)), 400 + 200 * 8);
}

#[test]
fn a_mark_of_before_a_cut_says_nothing_about_what_is_sent_after_it() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    drain(&mut playout, ms(0));
    playout.cut(ms(200));
    playout.resume(0);
    drain(&mut playout, ms(700));
    playout.acknowledge(ms(720), &mark(0));
    assert_eq!(playout.lag, FIRST_LAG);
    playout.acknowledge(ms(760), &mark(1));
    assert_eq!(playout.lag, ms(40));
}

#[test]
fn what_was_heard_before_a_cut_needs_no_mark_after_it() {
    let mut playout = playout();
    playout.push(audio(ms(100)));
    drain(&mut playout, ms(0));
    playout.cut(ms(1000));
    playout.resume(playout.heard(ms(1000)));
    playout.end_turn();
    assert_eq!(drain(&mut playout, ms(1020)), []);
    assert!(playout.all_sent() && playout.all_played());
}

#[test]
fn a_gap_of_the_synthesiser_is_not_heard_time() {
    let mut playout = playout();
    playout.push(audio(ms(100)));
    drain(&mut playout, ms(0));
    playout.push(audio(ms(100)));
    drain(&mut playout, ms(1000));
    assert_eq!(playout.heard(ms(1000)), 100 * 8);
    assert_eq!(playout.heard(ms(1150)), 150 * 8);
}

#[test]
fn heard_audio_is_freed() {
    let mut playout = playout();
    for _ in 0..200 {
        playout.push(audio(ms(100)));
    }
    let mut at = Duration::ZERO;
    while at < ms(19_000) {
        for transmit in drain(&mut playout, at) {
            if let Transmit::Mark(name) = transmit {
                playout.acknowledge(at, &name);
            }
        }
        at += ms(60);
    }
    let kept: usize = playout.chunks.iter().map(|chunk| chunk.data.len()).sum();
    assert!(kept < 70_000, "{kept}");
}

#[test]
fn the_first_mark_tells_since_when_a_turn_is_heard_and_later_ones_do_not() {
    let mut playout = playout();
    playout.push(audio(ms(2000)));
    drain(&mut playout, ms(100));
    assert_eq!(playout.heard_since(), None);
    playout.acknowledge(ms(180), &mark(0));
    assert_eq!(playout.heard_since(), Some(ms(160)));
    drain(&mut playout, ms(400));
    playout.acknowledge(ms(900), &mark(1));
    assert_eq!(playout.heard_since(), Some(ms(160)));
}

#[test]
fn a_gap_before_the_first_mark_that_comes_is_not_taken_for_a_late_start() {
    let mut playout = playout();
    playout.push(audio(ms(100)));
    drain(&mut playout, ms(0));
    playout.end_clause();
    playout.push(audio(ms(100)));
    drain(&mut playout, ms(1000));
    playout.end_clause();
    playout.end_turn();
    drain(&mut playout, ms(1100));
    // The last mark is behind both pieces and 30 ms late.
    let (last, _) = playout.marks.back().cloned().unwrap();
    playout.acknowledge(ms(1130), &last);
    assert_eq!(playout.heard_since(), Some(ms(30)));
}

#[test]
fn after_a_cut_no_mark_tells_since_when_a_turn_is_heard_that_had_been_heard_before() {
    for (cut_at, expected) in [(150, None), (50, Some(ms(740)))] {
        let mut playout = playout();
        playout.push(audio(ms(2000)));
        drain(&mut playout, ms(0));
        playout.cut(ms(cut_at));
        playout.resume(0);
        drain(&mut playout, ms(700));
        playout.acknowledge(ms(760), &mark(1));
        assert_eq!(playout.heard_since(), expected, "{cut_at}");
    }
}

#[test]
fn a_minute_takes_as_many_messages_in_small_chunks_as_in_one() {
    let messages = |chunk: u64| {
        let mut playout = playout();
        for _ in 0..60_000 / chunk {
            playout.push(audio(ms(chunk)));
        }
        playout.end_turn();
        let sent: Vec<Transmit> = (0..3000).flat_map(|n| drain(&mut playout, ms(n * 20))).collect();
        assert_eq!(bytes_of(&sent), 60_000 * 8);
        sent.iter().filter(|transmit| matches!(transmit, Transmit::Audio(_))).count()
    };
    // 25 frames between marks go in nine messages, and the first lead in fewer.
    assert_eq!([60_000, 100, 40, 20].map(messages), [1_076; 4]);
}

fn playout() -> Playout {
    let mut playout =
        Playout::new(Pace { frame_bytes: 160, silence: 0xFF, lead: ms(300), mark_every: ms(500) });
    playout.begin(TurnId(3));
    playout
}

fn drain(playout: &mut Playout, now: CallTime) -> Vec<Transmit> {
    std::iter::from_fn(|| playout.poll(now)).collect()
}

fn bytes_of(sent: &[Transmit]) -> usize {
    sent.iter().cloned().map(|transmit| payload_of(transmit).len()).sum()
}

fn payload_of(transmit: Transmit) -> Bytes {
    match transmit {
        Transmit::Audio(payload) => payload,
        Transmit::Mark(_) => Bytes::new(),
    }
}

fn audio(length: Duration) -> Bytes {
    Bytes::from(vec![7; length.as_millis() as usize * 8])
}

fn mark(n: u32) -> MarkName {
    MarkName(format!("t3-{n}"))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
