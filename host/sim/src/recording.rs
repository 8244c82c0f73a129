//! Calls as stereo WAV files: the caller on the left, the agent as heard on the right.

use std::path::Path;

use audio::g711::ulaw_decode;

use crate::voice::SAMPLE_RATE;

/// Writes both sides of a call, given as mu-law.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, caller: &[u8], agent: &[u8]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    let length = caller.len().max(agent.len());
    let sample = |side: &[u8], index: usize| side.get(index).map_or(0, |byte| ulaw_decode(*byte));
    for index in 0..length {
        writer.write_sample(sample(caller, index))?;
        writer.write_sample(sample(agent, index))?;
    }
    writer.finalize()
}
