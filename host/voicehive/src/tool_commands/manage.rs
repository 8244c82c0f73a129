//! `voicehive tool list`, `rollback` and `secret`.

use std::io::Read as _;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use store::ToolDigest;

use super::arguments::{ListArguments, RollbackArguments, SecretCommand, word};
use super::client::Client;
use super::{items, moment, print, short, text};

/// The longest secret that is read: more fits into no header field.
const MAX_SECRET_BYTES: u64 = 8 << 10;

/// Lists tools, the versions of one, or the uploads that were refused.
///
/// # Errors
/// Where the platform does not answer, or there is no such tool.
pub async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.platform)?;
    let (answer, line): (Value, fn(&Value) -> String) = match &arguments.tool {
        _ if arguments.refused => (client.get(&["tool-refusals"], &[]).await?, refused),
        None => (client.get(&["tools"], &[]).await?, tool),
        Some(name) => (client.get(&["tools", name, "versions"], &[]).await?, version),
    };
    print(&answer, arguments.platform.json, |answer| items(answer, "items").iter().map(line).collect())
}

/// Takes an alias back.
///
/// # Errors
/// Where there is nothing to go back to, or the platform does not answer.
pub async fn roll_back(arguments: RollbackArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.platform)?;
    let mut body = json!({ "alias": word(arguments.alias), "why": arguments.why });
    if let (Some(from), Some(members)) = (&arguments.from, body.as_object_mut()) {
        let from = digest(&client, &arguments.tool, from).await?;
        members.insert("from".to_owned(), from.into());
    }
    let answer = client.send(Method::POST, &["tools", &arguments.tool, "rollback"], &body).await?;
    print(&answer, arguments.platform.json, rolled_back)
}

/// One line: the version that the alias names now. A canary that went back is there no more.
fn rolled_back(answer: &Value) -> String {
    let (tool, alias) = (text(answer, "tool"), text(answer, "alias"));
    match text(answer, "version") {
        "" => format!("{tool}  {alias} is gone: its calls get what is live\n"),
        version => format!("{tool}  {}  {alias}\n", short(version)),
    }
}

/// The digest of which the first digits are given, as every list shows them.
async fn digest(client: &Client, tool: &str, digits: &str) -> anyhow::Result<String> {
    if digits.parse::<ToolDigest>().is_ok() {
        return Ok(digits.to_owned());
    }
    let versions = client.get(&["tools", tool, "versions"], &[]).await?;
    only_one(items(&versions, "items"), tool, digits)
}

/// The only version that begins so.
fn only_one(versions: &[Value], tool: &str, digits: &str) -> anyhow::Result<String> {
    let digests = versions.iter().map(|version| text(version, "version"));
    let found: Vec<&str> =
        digests.filter(|digest| !digits.is_empty() && digest.starts_with(digits)).collect();
    let hint = format!("(hint: `voicehive tool list {tool}` shows them)");
    match *found.as_slice() {
        [digest] => Ok(digest.to_owned()),
        [] => anyhow::bail!("no version of {tool} begins with `{digits}` {hint}"),
        _ => {
            anyhow::bail!("{} versions of {tool} begin with `{digits}`: give more digits {hint}", found.len())
        }
    }
}

/// Sets a secret.
///
/// # Errors
/// Where stdin holds none, or the platform does not take it.
pub async fn secret(command: SecretCommand) -> anyhow::Result<()> {
    let SecretCommand::Set(arguments) = command;
    is_host(&arguments.host)?;
    let value = read_secret(std::io::stdin().lock())?;
    let client = Client::new(&arguments.platform)?;
    let path = ["tools", arguments.tool.as_str(), "secrets", &arguments.name];
    let body = json!({ "host": arguments.host, "value": value });
    let answer = client.send(Method::PUT, &path, &body).await?;
    print(&answer, arguments.platform.json, |answer| {
        format!("{}  for {}\n", text(answer, "name"), text(answer, "host"))
    })
}

/// Whether a host may be one: what people paste is the address of a page. The platform looks more closely.
fn is_host(host: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !host.is_empty() && !host.contains('/'),
        "`{host}` is no host: give a host without scheme and path, for example api.example.com"
    );
    Ok(())
}

/// The secret without the line's end, which editors and `echo` add.
fn read_secret(input: impl std::io::Read) -> anyhow::Result<String> {
    let mut value = String::new();
    input.take(MAX_SECRET_BYTES + 1).read_to_string(&mut value).context("reading the secret from stdin")?;
    let value = value.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!value.is_empty(), "stdin holds no secret (hint: `.. < key.txt`)");
    anyhow::ensure!(
        value.len() as u64 <= MAX_SECRET_BYTES,
        "the secret has more than {MAX_SECRET_BYTES} bytes"
    );
    Ok(value.to_owned())
}

fn tool(tool: &Value) -> String {
    let named = |alias: &Value| {
        let share = match (text(alias, "alias"), alias.get("share").and_then(Value::as_u64)) {
            ("canary", Some(share)) => format!(" ({share} %)"),
            _ => String::new(),
        };
        format!("  {} {}{share}", text(alias, "alias"), short(text(alias, "version")))
    };
    let aliases: String = items(tool, "aliases").iter().map(named).collect();
    format!("{}{aliases}\n", text(tool, "tool"))
}

fn version(version: &Value) -> String {
    let aliases: Vec<&str> = items(version, "aliases").iter().filter_map(Value::as_str).collect();
    let line = format!(
        "{}  {:<11}  {:<8}  {}  {}",
        short(text(version, "version")),
        text(version, "state"),
        text(version, "tier"),
        moment(version, "uploaded_at"),
        aliases.join(", ")
    );
    format!("{}\n", line.trim_end())
}

fn refused(upload: &Value) -> String {
    let why = [text(upload, "item"), text(upload, "mend")].into_iter().filter(|part| !part.is_empty());
    let line = format!(
        "{}  {}  {:<8}  {}: {}",
        moment(upload, "at"),
        short(text(upload, "digest")),
        text(upload, "tier"),
        text(upload, "code"),
        why.collect::<Vec<_>>().join("; ")
    );
    // The item is in the component's words, and a terminal takes orders from control characters.
    format!("{}\n", line.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_listed_with_the_versions_that_calls_get() {
        let listed = json!({"tool": "callbacks", "aliases": [
            {"alias": "live", "version": "0123456789abcdef", "share": 100},
            {"alias": "canary", "version": "fedcba9876543210", "share": 10},
        ]});
        assert_eq!(tool(&listed), "callbacks  live 0123456789ab  canary fedcba987654 (10 %)\n");
        let listed = json!({"version": "0123456789abcdef", "state": "accepted", "tier": "standard",
            "uploaded_at": 1_795_255_200_000_i64, "aliases": ["live"]});
        assert_eq!(version(&listed), "0123456789ab  accepted     standard  2026-11-21T10:00:00Z  live\n");
    }

    #[test]
    fn a_refused_upload_is_one_line_with_why() {
        let mut upload = json!({"at": 1_795_255_200_000_i64, "digest": "0123456789abcdef", "tier": "large",
            "code": "import-not-allowed", "item": "a\u{1b}[2Jb", "mend": "go without"});
        assert_eq!(
            refused(&upload),
            "2026-11-21T10:00:00Z  0123456789ab  large     import-not-allowed: a [2Jb; go without\n"
        );
        upload["item"] = json!("");
        assert!(refused(&upload).ends_with("  import-not-allowed: go without\n"));
    }

    #[test]
    fn a_canary_that_went_back_is_gone() {
        let answer = json!({"tool": "callbacks", "alias": "live", "version": "0123456789abcdef"});
        assert_eq!(rolled_back(&answer), "callbacks  0123456789ab  live\n");
        let answer = json!({"tool": "callbacks", "alias": "canary", "version": null});
        assert_eq!(rolled_back(&answer), "callbacks  canary is gone: its calls get what is live\n");
    }

    #[test]
    fn a_version_is_found_by_its_first_digits() {
        let versions = [json!({"version": "0123"}), json!({"version": "0145"}), json!({"version": "fe"})];
        let found = |digits: &str| only_one(&versions, "t", digits).map_err(|error| error.to_string());
        assert_eq!(found("012"), Ok("0123".to_owned()));
        assert!(found("01").unwrap_err().starts_with("2 versions of t begin with `01`"));
        for none in ["7", "01234", ""] {
            assert!(found(none).unwrap_err().contains("voicehive tool list t"), "{none}");
        }
    }

    #[test]
    fn an_address_is_no_host() {
        assert!(is_host("api.example.com:8443").is_ok());
        for odd in ["https://api.example.com", "api.example.com/v1", ""] {
            assert!(is_host(odd).unwrap_err().to_string().contains("without scheme and path"), "{odd}");
        }
    }

    #[test]
    fn a_secret_is_read_without_the_end_of_its_line() {
        assert_eq!(read_secret(&b" a b \r\n"[..]).unwrap(), " a b ");
        assert!(read_secret(&b"\n"[..]).unwrap_err().to_string().contains("hint"));
        assert!(read_secret(&[b'x'; 8193][..]).is_err());
    }
}
