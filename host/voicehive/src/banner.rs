//! What is printed when the platform serves.

use std::net::SocketAddr;
use std::time::Duration;

use edge::Edge;

use crate::platform::Platform;

/// Prints where everything is, to standard error.
pub fn print(platform: &Platform, edge: Option<&Edge>, listening: SocketAddr, took: Duration) {
    let config = &platform.config;
    let line = |name: &str, value: &str| eprintln!("{name:<12}  {value}");
    line("Serving", &format!("http://{listening} (ready in {} ms)", took.as_millis()));
    line("Webhooks", &format!("{}/webhooks/twilio/voice", config.public_base(listening)));
    line("Media", &format!("{}/media/twilio/{{token}}", config.media_base(listening)));
    if let Some(edge) = edge {
        for route in edge.routes() {
            if let Some(path) = route.route {
                line(
                    "Route",
                    &format!("{path} -> {}", route.component.as_deref().unwrap_or("a fixed response")),
                );
            }
        }
    }
    let stt: Vec<&str> = platform.stt.all().iter().map(|vendor| vendor.name()).collect();
    let llm: Vec<&str> = platform.llm.all().iter().map(|vendor| vendor.name()).collect();
    let tts: Vec<&str> = platform.tts.all().iter().map(|vendor| vendor.name()).collect();
    let vendors = format!("stt {} · llm {} · tts {}", stt.join(", "), llm.join(", "), tts.join(", "));
    line("Speech", &vendors);
    line("Storage", &format!("sqlite {}", config.database().display()));
    if config.api_key.is_none() {
        line("API key", &format!("in {}", config.data.join("api-key").display()));
    }
    if config.twilio_tokens.is_empty() {
        line("Warning", "TWILIO_AUTH_TOKEN is not set: every webhook will be refused");
    }
    if config.number.is_none() {
        line("Warning", "VOICEHIVE_NUMBER is not set: no number leads to the receptionist");
    }
}
