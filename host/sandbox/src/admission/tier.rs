//! How much a tenant's tools may be and may use.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::engine::{MAX_CORE_INSTANCES, MAX_MEMORY_BYTES};
use crate::limits::ToolLimits;

/// What a tool is held to, at its upload and in its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// For compiled languages.
    #[default]
    Standard,
    /// For languages whose tools bring an interpreter along.
    Large,
}

/// What compiling one component may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, in whole seconds.
    pub cpu: Duration,
    /// Time from the start of the compiler until its answer is there. More than [`CompileLimits::cpu`], because the
    /// compiler lets calls go first; when it is over, the machine is too busy, and that is no verdict on the component.
    pub wall: Duration,
    /// Address space of the compiler in bytes, its own code included.
    pub memory_bytes: u64,
    /// Bytes of the compiled component.
    pub artefact_bytes: usize,
}

/// There is no tier of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tier: `standard` and `large` are")]
pub struct UnknownTier(String);

impl Tier {
    /// The tier as it is stored, shown and asked for.
    pub fn as_str(self) -> &'static str {
        self.gate().tier
    }

    /// What the gate lets through.
    pub fn gate(self) -> gate::Limits {
        match self {
            Self::Standard => gate::Limits::STANDARD,
            Self::Large => gate::Limits::LARGE,
        }
    }

    /// What a call may use.
    pub fn tool(self) -> ToolLimits {
        match self {
            Self::Standard => ToolLimits::default(),
            Self::Large => ToolLimits {
                memory_bytes: MAX_MEMORY_BYTES,
                core_instances: MAX_CORE_INSTANCES as usize,
                ..ToolLimits::default()
            },
        }
    }

    /// What compiling may take.
    pub fn compile(self) -> CompileLimits {
        match self {
            Self::Standard => CompileLimits {
                cpu: Duration::from_secs(20),
                wall: Duration::from_secs(60),
                memory_bytes: 1 << 30,
                artefact_bytes: 64 << 20,
            },
            Self::Large => CompileLimits {
                cpu: Duration::from_secs(120),
                wall: Duration::from_secs(360),
                memory_bytes: 4 << 30,
                artefact_bytes: 256 << 20,
            },
        }
    }

    /// What `describe` may take: it only says what is known.
    pub(crate) fn describe_cpu(self) -> Duration {
        match self {
            Self::Standard => Duration::from_secs(1),
            Self::Large => Duration::from_secs(2),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        [Self::Standard, Self::Large]
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| UnknownTier(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_found_by_its_name() {
        for tier in [Tier::Standard, Tier::Large] {
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
        assert_eq!("Large".parse::<Tier>(), Err(UnknownTier("Large".into())));
    }

    #[test]
    fn the_large_tier_allows_no_less_than_the_standard_one() {
        let (standard, large) = (Tier::Standard.compile(), Tier::Large.compile());
        assert!(large.cpu >= standard.cpu && large.wall >= standard.wall);
        assert!(large.memory_bytes >= standard.memory_bytes);
        assert!(large.artefact_bytes >= standard.artefact_bytes);
        assert!(Tier::Large.tool().memory_bytes >= Tier::Standard.tool().memory_bytes);
        assert!(Tier::Large.tool().core_instances >= Tier::Standard.tool().core_instances);
        assert!(Tier::Large.describe_cpu() >= Tier::Standard.describe_cpu());
    }

    #[test]
    fn the_compiler_is_given_longer_than_it_may_work() {
        for tier in [Tier::Standard, Tier::Large] {
            assert!(tier.compile().wall > tier.compile().cpu);
        }
    }
}
