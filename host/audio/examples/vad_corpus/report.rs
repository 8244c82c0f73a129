//! The figures as text for people and as JSON for machines.

use serde_json::{Value, json};

use crate::{echo, speech, tones};

/// All that was measured.
pub struct Report {
    /// Who spoke.
    pub voices: Vec<String>,
    /// Callers.
    pub speech: Vec<speech::Row>,
    /// Nobody.
    pub silence: Vec<tones::Row>,
    /// The agent's echo.
    pub echo: Vec<echo::Row>,
}

impl Report {
    /// Tables.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("Voices: {}.", self.voices.join(", ")), String::new()];
        lines.push("Callers. Onset: from the first sound until the core knows; end: as dated, less the true end; ms.".into());
        lines.push(speech::Row::head());
        lines.extend(self.speech.iter().map(speech::Row::line));
        lines.extend([
            String::new(),
            "Nobody speaks: starts of speech per minute, share of time taken for speech.".into(),
        ]);
        lines.extend(self.silence.iter().map(tones::Row::line));
        lines.extend([
            String::new(),
            "The agent's echo, nobody speaks over it.".into(),
            echo::Row::alone_head(),
        ]);
        lines.extend(self.echo.iter().map(echo::Row::alone_line));
        lines.extend([
            String::new(),
            "The same, and a caller speaks over it.".into(),
            echo::Row::over_head(),
        ]);
        lines.extend(self.echo.iter().map(echo::Row::over_line));
        lines.join("\n")
    }

    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "voices": self.voices,
            "speech": self.speech.iter().map(speech::Row::json).collect::<Vec<_>>(),
            "nobody": self.silence.iter().map(tones::Row::json).collect::<Vec<_>>(),
            "echo": self.echo.iter().map(echo::Row::json).collect::<Vec<_>>(),
        })
    }
}
