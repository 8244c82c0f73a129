//! The tutorial of tools, as a reader follows it: its commands are taken from the page and run, against a platform that
//! serves and vendors that are simulated, and what the page shows must be what is printed.
#![cfg(test)]

mod harness;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use harness::Server;
use sim::vendors::Vendors;
use tokio::time::timeout;

const TUTORIAL: &str = include_str!("../docs/tutorial-tools.md");

/// How long all of it may take: a first build of the template downloads and compiles what it depends on.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Comes between the outputs of two commands.
const MARK: &str = "=== the next command ===";

/// A command of the page, and what the page shows of its output.
#[derive(Debug, Default)]
struct Step {
    command: String,
    shown: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_leads_to_hearing_the_tool_in_a_call() {
    let steps = steps(TUTORIAL);
    assert_eq!(steps.len(), 5, "the page promises five commands: {steps:#?}");
    let vendors = Vendors::start().await.unwrap();
    let server = Server::voicehive(&vendors.environment()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut shell = shell(&steps, &server, folder.path());
    let ran = timeout(LIMIT, tokio::task::spawn_blocking(move || shell.output().unwrap()));
    let output = ran.await.expect("the tutorial takes too long").unwrap();
    check(&steps, &output);
}

/// All commands in one shell, as a reader has one: the first changes the folder.
fn shell(steps: &[Step], server: &Server, folder: &Path) -> Command {
    let commands: Vec<&str> = steps.iter().map(|step| step.command.as_str()).collect();
    let script = format!("exec 2>&1\nset -e\n{}\n", commands.join(&format!("\necho '{MARK}'\n")));
    let programs = Path::new(env!("CARGO_BIN_EXE_voicehive")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path)));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(folder).stdin(Stdio::null());
    shell.envs(server.environment()).env("PATH", path.unwrap());
    // What the template depends on is compiled once for all runs.
    shell.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial"));
    shell
}

fn check(steps: &[Step], output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "a command of the tutorial failed:\n{said}");
    let outputs: Vec<&str> = said.split(MARK).collect();
    assert_eq!(outputs.len(), steps.len(), "{said}");
    for (step, said) in steps.iter().zip(outputs) {
        assert!(!step.shown.is_empty(), "the page does not show what `{}` prints", step.command);
        for line in &step.shown {
            assert!(
                said.lines().any(|said| is_shown_as(said, line)),
                "`{}` prints no line like\n  {line}\nbut\n{said}",
                step.command
            );
        }
    }
}

/// Whether a line that was printed is the one on the page, where `..` stands for anything.
fn is_shown_as(said: &str, shown: &str) -> bool {
    let mut rest = said.trim_end();
    let mut parts = shown.split("..");
    let first = parts.next().unwrap();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

/// The commands of the page, each with what it shows after it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut fence = None;
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => {
                fence = Some(language);
                if language == "sh" {
                    steps.push(Step::default());
                }
            }
            (Some(_), Some(_)) => fence = None,
            (Some("sh"), None) => {
                let command = &mut steps.last_mut().unwrap().command;
                assert!(command.is_empty(), "a block of two commands");
                line.clone_into(command);
            }
            (Some("text"), None) => steps.last_mut().unwrap().shown.push(line.to_owned()),
            _ => {}
        }
    }
    steps
}

#[test]
fn what_the_page_leaves_open_may_be_anything() {
    assert!(is_shown_as("used 1.5 ms, 3 KiB", "used .. ms, .. KiB"));
    assert!(is_shown_as("callbacks  0123  live", "callbacks  ..  live"));
    assert!(is_shown_as("anything at all", ".."));
    assert!(!is_shown_as("callbacks  0123  canary", "callbacks  ..  live"));
    assert!(!is_shown_as("agent   Good.", "agent   Good"));
}
