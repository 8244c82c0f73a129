//! The same tools in the tier for languages that bring an interpreter along, whose limits are wider.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sandbox::Tier;

use crate::common::ADMISSION;
use crate::run::{TIMEOUT, code, context, limits};
use crate::source::Source;
use crate::tenant::Tenant;

/// What ends otherwise: the tier has room for it, so what is wrong with it, if anything is, shows later.
const OTHERWISE: [(&str, &str); 5] = [
    ("function-bomb", "export-missing"),
    ("function-too-large", "export-missing"),
    // It expects to be stopped at 32 MiB.
    ("memory-bomb", "memory-exhausted"),
    ("memory-too-large-from-the-start", "export-missing"),
    ("name-bomb", "export-missing"),
];

/// What takes the compiler minutes before it is ended.
const TOO_SLOW: &str = "compile-bomb";

#[test]
fn every_tool_ends_as_it_does_among_the_small_save_where_there_is_more_room() {
    for source in Source::all().into_iter().filter(|source| source.name != TOO_SLOW) {
        let otherwise = OTHERWISE.iter().find(|(name, _)| *name == source.name);
        let expected = otherwise.map_or(source.ends.as_str(), |(_, code)| code);
        let (ended, why) = match ADMISSION.admit(&source.bytes(), Tier::Large) {
            Err(refusal) => (refusal.code.to_string(), refusal.to_string()),
            Ok(admitted) => {
                let tool = admitted.tool.with_limits(limits(Tier::Large));
                let tenant = Arc::new(Tenant::new(&[IpAddr::V4(Ipv4Addr::LOCALHOST)]));
                code(&tool.call(&context(), "{}", tenant, TIMEOUT))
            }
        };
        assert_eq!(ended, expected, "{}: {why}", source.name);
    }
}
