//! The lane of recordings: fetched before the carriers' links die.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{DueRecording, StoreError, Timestamp};

use super::Shared;
use super::lane::Lane;
use super::line::Chosen;
use crate::backoff::Backoff;
use crate::download::hex_of;
use crate::{Fault, FetchError};

pub(super) struct Recordings {
    shared: Arc<Shared>,
    tries: Mutex<BTreeMap<Key, Try>>,
}

/// A recording, by its tenant, call and id.
type Key = (String, String, String);

/// How fetching a recording goes. It is in memory only: who begins anew may try anew.
#[derive(Clone, Copy)]
struct Try {
    made: u32,
    /// `None` while it is being fetched.
    next_at: Option<Timestamp>,
}

impl Recordings {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, tries: Mutex::default() }
    }

    /// The first of those that are due and that nobody is at, but of one tenant so few that others find a place beside
    /// it. What is due no more is forgotten.
    fn take(&self, mut due: Vec<DueRecording>, limit: usize) -> Vec<DueRecording> {
        let now = self.shared.now();
        let most = self.shared.settings.recordings.saturating_sub(1).max(1);
        let mut tries = self.tries();
        let known: BTreeSet<Key> = due.iter().map(key).collect();
        tries.retain(|key, one| one.next_at.is_none() || known.contains(key));
        let mut at_once: BTreeMap<String, usize> = BTreeMap::new();
        for ((tenant, ..), _) in tries.iter().filter(|(_, one)| one.next_at.is_none()) {
            *at_once.entry(tenant.clone()).or_default() += 1;
        }
        due.retain(|due| {
            if tries.get(&key(due)).is_some_and(|one| one.next_at.is_none_or(|at| now < at)) {
                return false;
            }
            let at_once = at_once.entry(due.tenant.to_string()).or_default();
            *at_once += 1;
            *at_once <= most
        });
        due.truncate(limit);
        for due in &due {
            tries.entry(key(due)).or_insert(Try { made: 0, next_at: None }).next_at = None;
        }
        due
    }

    async fn fetch(&self, due: &DueRecording, folder: &Path) -> Result<(), StoreError> {
        let shared = &self.shared;
        let (tenant, call, id) = (&due.tenant, &due.call, due.recording.id.as_str());
        let line = match shared.choose(tenant, &due.carrier, due.carrier_account.as_ref()).await? {
            Chosen::Line(line) => line,
            Chosen::Nobody => {
                shared.store.recording_failed(tenant, call, id, "there is no such carrier").await?;
                return Ok(());
            }
            Chosen::Unusable(why) => return self.put_off(due, &why).await,
        };
        let file = file(folder, due);
        match line.carrier.fetch(due, &file, shared.settings.recording_limit).await {
            Ok(fetched) => {
                tracing::info!(%call, recording = id, bytes = fetched.bytes, "recording fetched");
                let now = shared.now();
                shared.store.recording_fetched(tenant, call, id, fetched.bytes, &fetched.sha256, now).await?;
                self.tries().remove(&key(due));
            }
            Err(error) => self.again_or_fail(due, retry_after(&error), &error.to_string()).await?,
        }
        Ok(())
    }

    /// The account cannot be used now, and the carrier was not asked: where it keeps its recordings, no try is lost.
    async fn put_off(&self, due: &DueRecording, why: &str) -> Result<(), StoreError> {
        let now = self.shared.now();
        if !keeps_recordings(&due.carrier) || due.known_at.plus(ACCOUNT_TIME) <= now {
            return self.again_or_fail(due, Some(Duration::ZERO), why).await;
        }
        let (at, id) = (now.plus(account_wait(due.known_at, now)), due.recording.id.as_str());
        tracing::info!(call = %due.call, recording = id, why, at = at.0, "a recording waits for its account");
        if let Some(one) = self.tries().get_mut(&key(due)) {
            one.next_at = Some(at);
        }
        Ok(())
    }

    /// Writes down that a recording is not there, unless it is to be tried again: after `pause` at the soonest.
    async fn again_or_fail(
        &self,
        due: &DueRecording,
        pause: Option<Duration>,
        why: &str,
    ) -> Result<(), StoreError> {
        let (call, id) = (&due.call, due.recording.id.as_str());
        match pause.and_then(|pause| self.again(due, pause)) {
            Some(at) => {
                tracing::info!(%call, recording = id, why, at = at.0, "a recording is to be tried again")
            }
            None => {
                tracing::warn!(%call, recording = id, why, "a recording cannot be fetched");
                self.shared.store.recording_failed(&due.tenant, call, id, why).await?;
                self.tries().remove(&key(due));
            }
        }
        Ok(())
    }

    /// When to try again, after `pause` at the soonest, if there are tries left.
    fn again(&self, due: &DueRecording, pause: Duration) -> Option<Timestamp> {
        let mut tries = self.tries();
        let one = tries.get_mut(&key(due))?;
        one.made += 1;
        if one.made >= MAX_TRIES {
            return None;
        }
        let pause = BACKOFF.pause(one.made, self.shared.share()).max(pause);
        let at = self.shared.now().plus(pause);
        one.next_at = Some(at);
        Some(at)
    }

    fn tries(&self) -> MutexGuard<'_, BTreeMap<Key, Try>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane for Recordings {
    type Item = DueRecording;

    const NAME: &'static str = "recordings";

    fn slots(&self) -> usize {
        match self.shared.settings.recordings_folder {
            Some(_) => self.shared.settings.recordings,
            None => 0,
        }
    }

    fn poll(&self) -> Duration {
        self.shared.settings.poll
    }

    async fn lease(&self, limit: u32) -> Vec<DueRecording> {
        match self.shared.store.recordings_due(LOOKED_AT_EACH, LOOKED_AT).await {
            Ok(due) => self.take(due, usize::try_from(limit).unwrap_or(usize::MAX)),
            Err(error) => {
                tracing::warn!(%error, "cannot see which recordings are to be fetched");
                Vec::new()
            }
        }
    }

    async fn run(&self, due: DueRecording) {
        let Some(folder) = &self.shared.settings.recordings_folder else { return };
        if let Err(error) = self.fetch(&due, folder).await {
            tracing::warn!(call = %due.call, %error, "what became of a recording was not written down");
            self.again(&due, Duration::ZERO);
        }
    }
}

/// How long to leave a recording alone, at least, that could not be fetched; `None`: for good.
fn retry_after(error: &FetchError) -> Option<Duration> {
    match error {
        FetchError::Carrier(Fault::Refused { refusal }) if refusal.status == 404 => Some(Duration::ZERO),
        FetchError::Carrier(Fault::Refused { .. }) | FetchError::TooLong { .. } => None,
        FetchError::Carrier(Fault::NotDone { retry_after, .. }) => Some(retry_after.unwrap_or_default()),
        // A full disk may be given room.
        FetchError::Carrier(Fault::Unknown { .. }) | FetchError::File(_) => Some(Duration::ZERO),
    }
}

fn key(due: &DueRecording) -> Key {
    (due.tenant.to_string(), due.call.to_string(), due.recording.id.clone())
}

/// Where a recording goes: below the folder, whatever its names are. Telnyx's are MP3 where the carrier's own settings
/// say so.
fn file(folder: &Path, due: &DueRecording) -> PathBuf {
    let address = due.recording.url.as_deref().unwrap_or_default();
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let kind = if path.ends_with(".mp3") { "mp3" } else { "wav" };
    let name = format!("{}.{kind}", plain(&due.recording.id));
    folder.join(plain(due.tenant.as_str())).join(plain(due.call.as_str())).join(name)
}

/// A name that is a file's as it stands; of any other its hash.
fn plain(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) {
        return name.to_owned();
    }
    hex_of(name.as_bytes())
}

/// Whether a carrier has its recordings for as long as the account wants, and not for minutes.
fn keeps_recordings(carrier: &str) -> bool {
    carrier == "twilio"
}

/// How long to leave a recording alone whose account cannot be used: as long again as it has been known.
fn account_wait(known_at: Timestamp, now: Timestamp) -> Duration {
    let known = now.0.saturating_sub(known_at.0);
    Duration::from_millis(u64::try_from(known).unwrap_or_default()).clamp(BACKOFF.first, BACKOFF.most)
}

/// How many recordings are looked at, of one tenant and of all. Those that wait for their next try are among them, and
/// make room for others of their tenant's only.
const LOOKED_AT_EACH: u32 = 64;
const LOOKED_AT: u32 = 512;

/// How long a recording that its carrier keeps may wait for its account before its tries are counted.
const ACCOUNT_TIME: Duration = Duration::from_secs(24 * 3600);

/// Twilio announces a recording a little before it can be fetched, Telnyx's link dies after ten minutes: with these
/// pauses the last try is made after nine minutes at most.
const MAX_TRIES: u32 = 10;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(90) };

const MAX_NAME: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(plain("RE0123abc_-"), "RE0123abc_-");
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "C:x", "ä", &"x".repeat(101)] {
            let plain = plain(name);
            assert!(plain.len() == 64 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        }
        assert_ne!(plain("."), plain(".."));
    }

    #[test]
    fn the_last_try_comes_before_telnyxs_link_dies() {
        let longest: Duration = (1..MAX_TRIES).map(|made| BACKOFF.pause(made, 1.0)).sum();
        assert!(longest < Duration::from_secs(9 * 60), "{longest:?}");
    }
}
