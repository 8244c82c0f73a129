//! Speech and language vendors as they behave on the wire.

pub mod cartesia;
pub mod deepgram;
pub mod elevenlabs;
mod making;
pub mod model;
pub mod openai;
mod outbox;

use std::io;
use std::net::SocketAddr;

use crate::faults::Faults;
use crate::server::Handle;

/// The key that simulated vendors accept unless told otherwise. It opens nothing else.
pub const KEY: &str = "simulated-vendor-key";

/// All vendors of a call, running.
#[derive(Debug)]
pub struct Vendors {
    /// Speech to text, of both kinds.
    pub deepgram: Handle,
    /// The language model, and OpenAI's speech interfaces.
    pub openai: Handle,
    /// Text to speech.
    pub cartesia: Handle,
    /// The other text to speech.
    pub elevenlabs: Handle,
}

impl Vendors {
    /// Starts all of them on free ports of this machine.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start() -> io::Result<Self> {
        Ok(Self {
            deepgram: deepgram::start(deepgram::Config::default(), Faults::default()).await?,
            openai: openai::start(openai::Config::default(), Faults::default()).await?,
            cartesia: cartesia::start(cartesia::Config::default(), Faults::default()).await?,
            elevenlabs: elevenlabs::start(elevenlabs::Config::default(), Faults::default()).await?,
        })
    }

    /// The environment that points a platform at them.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DEEPGRAM_API_KEY", KEY.into()),
            ("DEEPGRAM_URL", self.deepgram.ws_url()),
            ("OPENAI_API_KEY", KEY.into()),
            ("OPENAI_BASE_URL", format!("{}/v1", self.openai.http_url())),
            ("OPENAI_MODEL", openai::MODEL.into()),
            ("CARTESIA_API_KEY", KEY.into()),
            ("CARTESIA_URL", self.cartesia.ws_url()),
            ("CARTESIA_VOICE_ID", cartesia::VOICE.into()),
            ("ELEVENLABS_API_KEY", KEY.into()),
            ("ELEVENLABS_URL", self.elevenlabs.ws_url()),
            ("ELEVENLABS_VOICE_ID", elevenlabs::VOICE.into()),
        ]
    }

    /// Where each listens.
    pub fn addrs(&self) -> [(&'static str, SocketAddr); 4] {
        [
            ("deepgram", self.deepgram.addr()),
            ("openai", self.openai.addr()),
            ("cartesia", self.cartesia.addr()),
            ("elevenlabs", self.elevenlabs.addr()),
        ]
    }

    /// Stops all of them.
    pub async fn shutdown(self) {
        self.deepgram.shutdown().await;
        self.openai.shutdown().await;
        self.cartesia.shutdown().await;
        self.elevenlabs.shutdown().await;
    }
}
