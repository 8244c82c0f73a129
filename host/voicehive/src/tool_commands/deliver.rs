//! `voicehive tool push`.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::arguments::{PushAlias, PushArguments, word};
use super::client::Client;
use super::{items, note, print, short, text};

/// Uploads a component.
///
/// # Errors
/// Where the file cannot be read, or the platform does not take it.
pub async fn push(arguments: PushArguments) -> anyhow::Result<()> {
    if arguments.share.is_some() && arguments.alias != PushAlias::Canary {
        anyhow::bail!("only a canary has a share (hint: add `--alias canary`)");
    }
    let component =
        std::fs::read(&arguments.file).with_context(|| format!("reading {}", arguments.file.display()))?;
    let client = Client::new(&arguments.platform)?;
    let mut query = vec![("tier", word(arguments.tier)), ("alias", word(arguments.alias))];
    query.extend(arguments.share.map(|share| ("share", share.to_string())));
    let answer = client.upload(component, &query).await?;
    if let Some(agent) = &arguments.agent {
        give(&client, agent, text(&answer, "tool")).await?;
    }
    print(&answer, arguments.platform.json, shown)
}

/// Lets `agent` use `tool`, unless it does already by one of the tool's names.
async fn give(client: &Client, agent: &str, tool: &str) -> anyhow::Result<()> {
    let path = ["agents", agent];
    let known = client.get(&path, &[]).await.with_context(|| format!("the agent `{agent}`"))?;
    if let Some(tools) = with_tool(items(&known, "tools"), tool) {
        client.send(Method::PUT, &["agents", agent, "tools"], &json!({ "tools": tools })).await?;
    }
    note(&format!("agent {agent} uses {tool} from its next call on"));
    Ok(())
}

/// The agent's tools and this one; nothing where it is among them, as `tool` or as `tool@alias`.
fn with_tool<'a>(tools: &'a [Value], tool: &'a str) -> Option<Vec<&'a str>> {
    let mut names: Vec<&str> = tools.iter().filter_map(Value::as_str).collect();
    if names.iter().any(|name| name.split('@').next() == Some(tool)) {
        return None;
    }
    names.push(tool);
    Some(names)
}

/// One line: the tool, the version, and the calls that get it.
fn shown(answer: &Value) -> String {
    let aliases: Vec<String> = items(answer, "aliases").iter().map(alias).collect();
    let aliases = if aliases.is_empty() { "no call gets it yet".to_owned() } else { aliases.join(", ") };
    format!("{}  {}  {aliases}\n", text(answer, "tool"), short(text(answer, "version")))
}

fn alias(alias: &Value) -> String {
    alias.as_str().map_or_else(|| text(alias, "alias").to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_given_a_tool_once() {
        let tools = [json!("leads"), json!("callbacks@canary")];
        assert_eq!(with_tool(&tools, "quote"), Some(vec!["leads", "callbacks@canary", "quote"]));
        assert_eq!(with_tool(&tools, "callbacks"), None);
    }

    #[test]
    fn what_was_uploaded_is_shown_in_one_line() {
        let version = "0123456789abcdef";
        let answer = json!({"tool": "callbacks", "version": version, "aliases": ["live"]});
        assert_eq!(shown(&answer), "callbacks  0123456789ab  live\n");
        let answer = json!({"tool": "callbacks", "version": version, "aliases": []});
        assert_eq!(shown(&answer), "callbacks  0123456789ab  no call gets it yet\n");
    }
}
