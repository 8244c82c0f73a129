//! `voicehive tool push`.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::arguments::{PushAlias, PushArguments, Tier, word};
use super::client::Client;
use super::problem::Refused;
use super::{items, note, note_compiling, print, short, text};

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
    fits(component.len(), arguments.tier).with_context(|| arguments.file.display().to_string())?;
    let client = Client::new(&arguments.platform)?;
    if let Some(agent) = &arguments.agent {
        // Nothing is uploaded for an agent that is not there.
        known(&client, agent).await?;
    }
    let mut query = vec![("tier", word(arguments.tier)), ("alias", word(arguments.alias))];
    query.extend(arguments.share.map(|share| ("share", share.to_string())));
    note_compiling(arguments.tier);
    let (answer, new) = client.upload(component, &query).await?;
    if !new {
        note("the platform has these bytes already: it is the version that it was");
    }
    if let Some(agent) = &arguments.agent {
        give(&client, agent, text(&answer, "tool")).await?;
    }
    print(&answer, arguments.platform.json, shown)
}

/// Whether a platform takes a component of this size: one that refuses it hangs up before it has all of it.
fn fits(size: usize, tier: Tier) -> anyhow::Result<()> {
    let limits = sandbox::Tier::from(tier).gate();
    let most = limits.component_bytes;
    let larger = gate::Limits::LARGE.component_bytes;
    let hint = match tier {
        Tier::Standard if size <= larger => format!(" (hint: `--tier large` takes {larger})"),
        Tier::Standard | Tier::Large => String::new(),
    };
    anyhow::ensure!(
        size <= most,
        "too-large: it has {size} bytes, the tier {} takes {most}{hint}",
        limits.tier
    );
    Ok(())
}

/// The agent of this name.
async fn known(client: &Client, agent: &str) -> anyhow::Result<Value> {
    client.get(&["agents", agent], &[]).await.map_err(|error| no_agent(error, agent))
}

/// The platform's answer in words about agents: what it says of all that is not there fits tools here.
fn no_agent(error: anyhow::Error, agent: &str) -> anyhow::Error {
    let missing =
        matches!(error.downcast_ref::<Refused>(), Some(Refused::Problem { code, .. }) if code == "not-found");
    if missing {
        return anyhow::anyhow!(
            "there is no agent `{agent}` (hint: `GET /v1/agents` lists those that there are)"
        );
    }
    error.context(format!("the agent `{agent}`"))
}

/// Lets `agent` use `tool`, unless it does already by one of the tool's names.
async fn give(client: &Client, agent: &str, tool: &str) -> anyhow::Result<()> {
    let known = known(client, agent).await?;
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
    fn what_no_platform_would_take_is_not_sent() {
        assert!(fits(4 << 20, Tier::Standard).is_ok() && fits(32 << 20, Tier::Large).is_ok());
        let error = fits((4 << 20) + 1, Tier::Standard).unwrap_err().to_string();
        assert_eq!(
            error,
            "too-large: it has 4194305 bytes, the tier standard takes 4194304 (hint: `--tier large` takes 33554432)"
        );
        for tier in [Tier::Standard, Tier::Large] {
            let error = fits((32 << 20) + 1, tier).unwrap_err().to_string();
            assert!(error.starts_with("too-large") && !error.contains("hint"), "{error}");
        }
    }

    #[test]
    fn an_agent_that_is_not_there_is_not_looked_for_among_tools() {
        let refused = |code: &str| {
            let body = json!({ "code": code, "detail": "the detail" }).to_string();
            no_agent(Refused::read(404, body.as_bytes(), None).into(), "nobody")
        };
        let error = format!("{:#}", refused("not-found"));
        assert!(error.contains("`nobody`") && error.contains("/v1/agents"), "{error}");
        assert_eq!(format!("{:#}", refused("busy")), "the agent `nobody`: busy: the detail");
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
