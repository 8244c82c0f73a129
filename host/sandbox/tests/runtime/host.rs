//! What stands behind the tools of these tests.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::{HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost};

use super::LONG;

type Answer = Result<Option<Record>, RecordError>;

/// Counts what it is asked, and answers as it was told.
pub struct Host {
    gets: AtomicU32,
    sends: AtomicU32,
    listed: Vec<Record>,
    answer: Box<dyn Fn(&str) -> Answer + Send + Sync>,
}

/// The test's side of a host that holds tools back.
pub struct Holder {
    reached: Receiver<()>,
    go_on: Sender<()>,
}

impl Host {
    pub fn new() -> Arc<Self> {
        Self::listing(Vec::new())
    }

    pub fn listing(listed: Vec<Record>) -> Arc<Self> {
        Arc::new(Self { listed, ..Self::with(|_| Ok(None)) })
    }

    /// Does as `answer` does where a tool asks for the record under a key.
    pub fn answering(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::with(answer))
    }

    /// Holds every tool back that asks for a record.
    pub fn holding() -> (Arc<Self>, Holder) {
        let (reach, reached) = channel();
        let (go_on, going) = channel();
        let going = Mutex::new(going);
        let host = Self::answering(move |_| {
            // The test may have gone by now.
            let _ = reach.send(());
            let _ = going.lock().unwrap().recv_timeout(LONG);
            Ok(None)
        });
        (host, Holder { reached, go_on })
    }

    fn with(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let (gets, sends) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { gets, sends, listed: Vec::new(), answer: Box::new(answer) }
    }

    pub fn gets(&self) -> u32 {
        self.gets.load(Ordering::Relaxed)
    }

    pub fn sends(&self) -> u32 {
        self.sends.load(Ordering::Relaxed)
    }
}

impl Holder {
    /// Waits until a tool is held back.
    pub fn wait(&self) {
        self.reached.recv_timeout(LONG).unwrap();
    }

    pub fn let_go(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Lets the worker go on to its end: it asks twice.
    pub fn let_finish(&self) {
        self.let_go();
        self.let_go();
    }
}

impl ToolHost for Host {
    fn get(&self, key: &str) -> Answer {
        self.gets.fetch_add(1, Ordering::Relaxed);
        (self.answer)(key)
    }

    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Err(RecordError::Unavailable)
    }

    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Ok(self.listed.clone())
    }

    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        self.sends.fetch_add(1, Ordering::Relaxed);
        let response = HttpResponse { status: 200, headers: Vec::new(), body: b"{}".to_vec() };
        HttpSent { response: Ok(response), bytes: 1000 }
    }

    fn secret(&self, _: &str) -> Result<String, SecretError> {
        Err(SecretError::Unknown)
    }

    fn log(&self, _: Level, _: &str) {}
}
