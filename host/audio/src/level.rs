//! Loudness of linear samples.

/// What [`dbfs`] returns for digital silence: quieter than any 16-bit signal.
pub const FLOOR_DBFS: f32 = -100.0;

/// Root mean square of `samples` as a share of full scale, 0 to 1. No samples give 0.
#[must_use]
pub fn rms(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    ((energy as f64 / samples.len() as f64).sqrt() / 32_768.0) as f32
}

/// Root mean square of `samples` in decibels below full scale, from [`FLOOR_DBFS`] to 0.
#[must_use]
pub fn dbfs(samples: &[i16]) -> f32 {
    let level = rms(samples);
    if level > 0.0 { (20.0 * level.log10()).max(FLOOR_DBFS) } else { FLOOR_DBFS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_square_wave_is_zero_decibels() {
        assert_eq!(rms(&[i16::MIN; 160]), 1.0);
        assert_eq!(dbfs(&[i16::MIN; 160]), 0.0);
    }

    #[test]
    fn silence_and_emptiness_sit_on_the_floor() {
        assert_eq!(dbfs(&[0; 160]), FLOOR_DBFS);
        assert_eq!(dbfs(&[]), FLOOR_DBFS);
    }

    #[test]
    fn halving_the_amplitude_costs_six_decibels() {
        let difference = dbfs(&[8_000; 160]) - dbfs(&[4_000; 160]);
        assert!((difference - 6.02).abs() < 0.01, "{difference}");
    }
}
