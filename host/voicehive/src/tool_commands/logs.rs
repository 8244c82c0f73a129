//! `voicehive tool logs`.

use std::time::Duration;

use serde_json::Value;

use super::arguments::LogsArguments;
use super::client::Client;
use super::{items, moment, print, short, text};

/// Between two looks for new lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints what the tool logged, and goes on if asked to.
///
/// # Errors
/// Where the platform does not answer, or there is no such tool.
pub async fn logs(arguments: LogsArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.platform)?;
    let mut after = 0;
    loop {
        let answer = client.get(&["tools", &arguments.tool, "logs"], &[("after", after.to_string())]).await?;
        let lines = items(&answer, "items");
        for one in lines {
            print(one, arguments.platform.json, line)?;
        }
        after = answer.get("next").and_then(Value::as_u64).unwrap_or(after);
        if !lines.is_empty() {
            continue;
        }
        if !arguments.follow {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn line(line: &Value) -> String {
    let (at, level, call) = (moment(line, "at"), text(line, "level"), text(line, "call"));
    let version = short(text(line, "version"));
    // A tool's words are its author's own, but a terminal takes orders from control characters.
    let said = text(line, "line").replace(char::is_control, " ");
    format!("{at}  {version}  {level:<5}  {call}  {said}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_cannot_move_the_cursor() {
        let logged = json!({"at": 1_795_255_200_000_i64, "version": "0123456789abcdef", "level": "info",
            "call": "c1", "line": "a\u{1b}[2Jb"});
        assert_eq!(line(&logged), "2026-11-21T10:00:00Z  0123456789ab  info   c1  a [2Jb\n");
    }
}
