//! What the agent should know while it answers: the caller's mood and past.

use std::sync::Arc;

use sandbox::Capabilities;
use sandbox::platform::{memory, sentiment};
use store::{Memory, NativeDb, Store, TenantId, Timestamp};
use turn::Sentiment;

/// How many of a customer's memories are considered; the newest.
const CANDIDATES: u32 = 100;

/// How many are recalled.
const RECALLED: u32 = 5;

/// The model name under which the lexical embedding is stored.
pub const LEXICAL_MODEL: &str = "lexical-768-v1";

/// A customer's past, read once when the call begins.
pub struct Past {
    capabilities: Arc<Capabilities>,
    snapshots: Vec<memory::Snapshot>,
}

impl Past {
    /// Reads what is remembered of the caller.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn of_caller(
        store: &Store<NativeDb>,
        capabilities: Arc<Capabilities>,
        tenant: &TenantId,
        phone: &str,
    ) -> anyhow::Result<Self> {
        let mut snapshots = Vec::new();
        if !phone.is_empty()
            && let Some(customer) = store.known_customer(tenant, phone).await?
        {
            let memories = store.memories_of(tenant, &customer.id, CANDIDATES).await?;
            snapshots
                .extend(memories.into_iter().filter(|memory| memory.model == LEXICAL_MODEL).map(snapshot));
        }
        Ok(Self { capabilities, snapshots })
    }

    /// What of it matters for these words, best first; for no words, the newest.
    pub fn recall(&self, words: &str) -> Vec<String> {
        if self.snapshots.is_empty() {
            return Vec::new();
        }
        if words.trim().is_empty() {
            return self.newest();
        }
        let query = memory::Query {
            text: words.to_owned(),
            embedding: None,
            now: u64::try_from(Timestamp::now().0).unwrap_or_default(),
            limit: RECALLED,
        };
        match self.capabilities.rank_memories(&query, &self.snapshots) {
            Ok(Ok(ranked)) if ranked.is_empty() => self.newest(),
            Ok(Ok(ranked)) => ranked.iter().filter_map(|ranked| self.text(&ranked.id)).collect(),
            Ok(Err(error)) => {
                tracing::error!(?error, "memories cannot be ranked");
                Vec::new()
            }
            Err(error) => {
                tracing::error!(%error, "memories cannot be ranked");
                Vec::new()
            }
        }
    }

    fn newest(&self) -> Vec<String> {
        let limit = usize::try_from(RECALLED).unwrap_or(usize::MAX);
        let mut by_time: Vec<_> = self.snapshots.iter().collect();
        by_time.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.at));
        by_time.into_iter().take(limit).map(|snapshot| snapshot.text.clone()).collect()
    }

    fn text(&self, id: &str) -> Option<String> {
        self.snapshots.iter().find(|snapshot| snapshot.id == id).map(|snapshot| snapshot.text.clone())
    }
}

/// The mood of a caller's words; `None` where it cannot be read.
pub fn assess(capabilities: &Capabilities, text: &str, trajectory: &[f32]) -> Option<Sentiment> {
    let assessment = match capabilities.assess_sentiment(text, trajectory) {
        Ok(Ok(assessment)) => assessment,
        Ok(Err(error)) => {
            tracing::warn!(?error, "a mood cannot be read");
            return None;
        }
        Err(error) => {
            tracing::error!(%error, "a mood cannot be read");
            return None;
        }
    };
    let label = match assessment.label {
        sentiment::Label::Negative => "negative",
        sentiment::Label::Neutral => "neutral",
        sentiment::Label::Positive => "positive",
    };
    let tone = match assessment.adaptation.tone {
        sentiment::Tone::Even => "even",
        sentiment::Tone::Warm => "warm",
        sentiment::Tone::Calm => "calm",
        sentiment::Tone::Apologetic => "apologetic",
    };
    let pace = match assessment.adaptation.pace {
        sentiment::Pace::Slower => "slower",
        sentiment::Pace::Normal => "normal",
        sentiment::Pace::Faster => "faster",
    };
    Some(Sentiment {
        label: label.into(),
        score: assessment.score,
        confidence: assessment.confidence,
        tone: tone.into(),
        pace: pace.into(),
        escalate: assessment.adaptation.escalate,
    })
}

/// The kind under which a memory is stored.
pub fn kind_name(kind: memory::Kind) -> &'static str {
    match kind {
        memory::Kind::Fact => "fact",
        memory::Kind::Preference => "preference",
        memory::Kind::Appointment => "appointment",
        memory::Kind::Problem => "problem",
        memory::Kind::Summary => "summary",
    }
}

fn snapshot(stored: Memory) -> memory::Snapshot {
    let kind = match stored.kind.as_str() {
        "preference" => memory::Kind::Preference,
        "appointment" => memory::Kind::Appointment,
        "problem" => memory::Kind::Problem,
        "summary" => memory::Kind::Summary,
        _ => memory::Kind::Fact,
    };
    memory::Snapshot {
        id: stored.id.to_string(),
        kind,
        text: stored.text,
        embedding: stored.embedding,
        at: u64::try_from(stored.at.0).unwrap_or_default(),
    }
}
