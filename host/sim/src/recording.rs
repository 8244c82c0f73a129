//! Calls as WAV files.

use std::io::{Cursor, Seek, Write};
use std::path::Path;

use audio::g711::ulaw_decode;

use crate::voice::SAMPLE_RATE;

/// Writes both sides of a call, given as mu-law: the caller on the left, the agent as heard on the right.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, caller: &[u8], agent: &[u8]) -> Result<(), hound::Error> {
    fill(hound::WavWriter::create(path, spec(2))?, caller, agent)
}

/// Both sides of a call, given as mu-law, as a WAV file: on a channel each, or mixed.
///
/// # Errors
/// Where it is too long for such a file.
pub(crate) fn encode(caller: &[u8], agent: &[u8], two_channels: bool) -> Result<Vec<u8>, hound::Error> {
    let mut file = Cursor::new(Vec::new());
    let channels = if two_channels { 2 } else { 1 };
    fill(hound::WavWriter::new(&mut file, spec(channels))?, caller, agent)?;
    Ok(file.into_inner())
}

fn spec(channels: u16) -> hound::WavSpec {
    hound::WavSpec {
        channels,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    }
}

fn fill<W: Write + Seek>(
    mut writer: hound::WavWriter<W>,
    caller: &[u8],
    agent: &[u8],
) -> Result<(), hound::Error> {
    let length = caller.len().max(agent.len());
    let two_channels = writer.spec().channels == 2;
    let sample = |side: &[u8], index: usize| side.get(index).map_or(0, |byte| ulaw_decode(*byte));
    for index in 0..length {
        let (left, right) = (sample(caller, index), sample(agent, index));
        if two_channels {
            writer.write_sample(left)?;
            writer.write_sample(right)?;
        } else {
            writer.write_sample(left.saturating_add(right))?;
        }
    }
    writer.finalize()
}
