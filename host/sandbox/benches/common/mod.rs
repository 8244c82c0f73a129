//! What the benchmarks of tools share.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::sync::Arc;
use std::time::Duration;

use sandbox::{
    Admission, Compiler, Context, HotEngine, HttpError, HttpRequest, HttpSent, Level, Record, RecordError,
    SecretError, ToolHost,
};

/// Admits tools as the platform does.
pub fn admission() -> Admission {
    Admission::new(&HotEngine::new().unwrap(), compiler())
}

/// The compiler as a program of its own: the benchmark's program is none.
pub fn compiler() -> Compiler {
    Compiler::new(env!("CARGO_BIN_EXE_compile-component"), [""; 0])
}

/// The smallest tool, whose `call` does what `body` says.
pub fn tool(body: &str) -> Vec<u8> {
    wat::parse_str(include_str!("tool.wat").replace("BODY", body)).unwrap()
}

/// A call of `tenant`.
pub fn context(tenant: &str) -> Context {
    Context {
        tenant: tenant.into(),
        call_id: "c".into(),
        caller: "+34600000000".into(),
        idempotency_key: "0123456789abcdef".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 1_795_158_000_000,
    }
}

/// Records that are always empty and take everything.
pub fn no_records() -> Arc<dyn ToolHost> {
    Arc::new(Empty)
}

struct Empty;

impl ToolHost for Empty {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        Ok(None)
    }
    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Ok(1)
    }
    fn replace(&self, _: &str, _: &[u8], version: u64) -> Result<u64, RecordError> {
        Ok(version + 1)
    }
    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Ok(())
    }
    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Ok(Vec::new())
    }
    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        HttpSent::nothing(HttpError::Denied("no network".into()))
    }
    fn secret(&self, _: &str) -> Result<String, SecretError> {
        Err(SecretError::Unknown)
    }
    fn log(&self, _: Level, _: &str) {}
}
