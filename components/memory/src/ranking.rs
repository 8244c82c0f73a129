//! Which memories are worth recalling, and in what order.

use std::{borrow::Cow, time::Duration};

use crate::{
    bindings::exports::voicehive::platform::memory::{Error, Kind, Query, Ranked, Snapshot},
    embedding,
};

/// The shares of similarity, recency and kind in a score; they sum to one.
pub const SIMILARITY_SHARE: f64 = 0.60;
/// See [`SIMILARITY_SHARE`].
pub const RECENCY_SHARE: f64 = 0.25;
/// See [`SIMILARITY_SHARE`].
pub const KIND_SHARE: f64 = 0.15;

/// The time in which recency halves.
pub const HALF_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Below this score a candidate is left out. An unrelated fact stays for some
/// seventy days, an unrelated summary for some thirty-five; a year-old summary
/// needs a similarity of about 0.2.
pub const FLOOR: f64 = 0.20;

/// The most candidates that are ranked at once.
pub const MAX_CANDIDATES: usize = 10_000;

/// The candidates worth recalling, best first.
pub fn rank(query: &Query, candidates: &[Snapshot]) -> Result<Vec<Ranked>, Error> {
    check_ranges(query, candidates)?;
    let wanted: Cow<'_, [f32]> = match &query.embedding {
        Some(embedding) => Cow::Borrowed(embedding),
        None => Cow::Owned(embedding::embed(&query.text)),
    };
    check_finite("", &wanted)?;
    for candidate in candidates {
        if candidate.embedding.len() != wanted.len() {
            return Err(Error::DimensionMismatch(candidate.id.clone()));
        }
        check_finite(&candidate.id, &candidate.embedding)?;
    }
    let mut ranked: Vec<(&Snapshot, Ranked)> = candidates
        .iter()
        .map(|candidate| (candidate, score(query.now, &wanted, candidate)))
        .filter(|(_, ranked)| f64::from(ranked.score) >= FLOOR)
        .collect();
    ranked.sort_by(|(a, a_ranked), (b, b_ranked)| {
        b_ranked.score.total_cmp(&a_ranked.score).then(b.at.cmp(&a.at)).then_with(|| a.id.cmp(&b.id))
    });
    ranked.truncate(query.limit as usize);
    Ok(ranked.into_iter().map(|(_, ranked)| ranked).collect())
}

fn check_ranges(query: &Query, candidates: &[Snapshot]) -> Result<(), Error> {
    let invalid = |text: String| Err(Error::Invalid(text));
    if !(1..=100).contains(&query.limit) {
        return invalid(format!("limit is {}; it must be 1 to 100", query.limit));
    }
    if query.embedding.as_ref().is_some_and(Vec::is_empty) {
        return invalid("the query's embedding has no dimensions; leave it out or give one".to_owned());
    }
    if candidates.len() > MAX_CANDIDATES {
        return invalid(format!(
            "there are {} candidates; at most {MAX_CANDIDATES} are ranked at once",
            candidates.len()
        ));
    }
    Ok(())
}

fn check_finite(id: &str, embedding: &[f32]) -> Result<(), Error> {
    if embedding.iter().all(|value| value.is_finite()) {
        Ok(())
    } else {
        Err(Error::NotFinite(id.to_owned()))
    }
}

fn score(now: u64, wanted: &[f32], candidate: &Snapshot) -> Ranked {
    let similarity = cosine(wanted, &candidate.embedding);
    let recency = recency(Duration::from_millis(now.saturating_sub(candidate.at)));
    let score = SIMILARITY_SHARE * similarity.max(0.0)
        + RECENCY_SHARE * recency
        + KIND_SHARE * kind_weight(candidate.kind);
    Ranked {
        id: candidate.id.clone(),
        score: score.clamp(0.0, 1.0) as f32,
        similarity: similarity as f32,
        recency: recency as f32,
    }
}

/// What lasts or binds outweighs what merely happened.
fn kind_weight(kind: Kind) -> f64 {
    match kind {
        Kind::Fact => 1.0,
        Kind::Appointment => 0.9,
        Kind::Preference => 0.8,
        Kind::Problem => 0.7,
        Kind::Summary => 0.5,
    }
}

/// 1 for the present and the future, halving every [`HALF_LIFE`].
fn recency(age: Duration) -> f64 {
    (-age.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2()
}

/// The cosine of the angle between two vectors; 0 if one of them is zero.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let (mut dot, mut a_square, mut b_square) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        a_square += a * a;
        b_square += b * b;
    }
    let norms = a_square.sqrt() * b_square.sqrt();
    if norms > 0.0 { (dot / norms).clamp(-1.0, 1.0) } else { 0.0 }
}
