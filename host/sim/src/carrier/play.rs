//! Sound that documents play: files of the platform's, and keys.

use std::io::Cursor;
use std::time::Duration;

use audio::g711::{ULAW_SILENCE, ulaw_encode};
use tokio::sync::oneshot;

use super::call::{Moment, Run, moment};
use super::twiml::Link;
use super::webhook::Method;
use crate::voice::SAMPLE_RATE;

/// How long a key's tones and the silence after them are.
const KEY: Duration = Duration::from_millis(120);
const AFTER_KEY: usize = 800;
const KEY_AMPLITUDE: i16 = 6_000;

/// A `w` among keys: half a second.
const WAIT: usize = 4_000;

/// The largest file that is played.
const LARGEST: usize = 8 << 20;

/// The most sound that repetitions make: ten minutes.
const LONGEST: usize = 10 * 60 * 8_000;

/// The tones of keys, `w` for half a second of silence.
pub(super) fn keys(digits: &str) -> Vec<u8> {
    let mut sound = Vec::new();
    for digit in digits.chars() {
        if matches!(digit, 'w' | 'W') {
            sound.extend([ULAW_SILENCE; WAIT]);
        } else if let Some(tones) = audio::dtmf::generate(digit, KEY, KEY_AMPLITUDE) {
            sound.extend(tones.into_iter().map(ulaw_encode));
            sound.extend([ULAW_SILENCE; AFTER_KEY]);
        }
    }
    sound
}

/// The same again and again, as far as it is bearable.
pub(super) fn repeat(sound: &[u8], times: u32) -> Vec<u8> {
    let most = LONGEST.checked_div(sound.len()).unwrap_or(0).max(1);
    sound.repeat(most.min(times as usize))
}

impl Run {
    /// A file of the platform's as mu-law, fetched while the line goes on. What comes between is seen to afterwards.
    pub(super) async fn file(&mut self, url: &str) -> Result<Vec<u8>, String> {
        let callback = self.absolute(&Link { url: url.to_owned(), method: Method::Get })?;
        let (answer, mut answered) = oneshot::channel();
        let client = self.desk.client.clone();
        self.desk.spawn(async move {
            // Nobody listens any more when the call has ended.
            let _told = answer.send(load(client, callback.url).await);
        });
        loop {
            tokio::select! {
                loaded = &mut answered => {
                    let file = loaded.map_err(|_| "the carrier ends".to_owned())??;
                    return decode(&file).map_err(|why| format!("error 12400: <Play> of {url}: {why}"));
                }
                moment = moment(&mut self.line) => match moment {
                    Moment::Step(_) | Moment::Key(_) => {}
                    Moment::Over(next) => {
                        self.pending = Some(next);
                        return Ok(Vec::new());
                    }
                }
            }
        }
    }
}

async fn load(client: reqwest::Client, url: url::Url) -> Result<Vec<u8>, String> {
    let failed = |why: &dyn std::fmt::Display| format!("error 11200: <Play> of {url}: {why}");
    let response = client.get(url.clone()).send().await.map_err(|error| failed(&error))?;
    if !response.status().is_success() {
        return Err(failed(&response.status()));
    }
    let file = response.bytes().await.map_err(|error| failed(&error))?;
    if file.len() > LARGEST { Err(failed(&"it is too large")) } else { Ok(file.into()) }
}

fn decode(file: &[u8]) -> Result<Vec<u8>, String> {
    let mut wav = hound::WavReader::new(Cursor::new(file)).map_err(|error| error.to_string())?;
    let spec = wav.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, SAMPLE_RATE, 16) {
        return Err(format!("{spec:?}: only 16-bit mono of 8 kHz is simulated"));
    }
    wav.samples::<i16>().map(|sample| sample.map(ulaw_encode).map_err(|error| error.to_string())).collect()
}
