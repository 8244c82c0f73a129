//! Components of tools that answer always the same, made when a test needs them.

use std::fmt::Write as _;

/// A tool that imports nothing.
pub struct Component {
    /// What it is called.
    pub name: &'static str,
    /// `pure`, `reads` or `changes`.
    pub effect: &'static str,
    /// What it answers.
    pub reply: Reply,
    /// What it answers once the caller has confirmed.
    pub confirmed: Reply,
}

/// An answer.
#[derive(Clone, Copy)]
pub enum Reply {
    /// Content, and where they are not empty what to say and data.
    Done([&'static str; 3]),
    /// A question.
    Confirm(&'static str),
    /// It traps.
    Trap,
}

/// Where the texts of a tool are, after the records that point to them.
const TEXTS: usize = 1024;

impl Component {
    /// A tool that answers this, confirmed or not.
    pub fn answering(name: &'static str, effect: &'static str, reply: Reply) -> Self {
        Self { name, effect, reply, confirmed: reply }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut texts = String::new();
        let mut put = |text: &str| {
            let at = TEXTS + texts.len();
            texts.push_str(text);
            [at, text.len()].map(|number| u32::try_from(number).unwrap().to_le_bytes()).concat()
        };
        let effect = ["pure", "reads", "changes"].iter().position(|effect| *effect == self.effect).unwrap();
        let definition = [
            put(self.name),
            put("Answers always the same."),
            put(r#"{"type":"object","additionalProperties":false}"#),
            u32::try_from(effect).unwrap().to_le_bytes().to_vec(),
            vec![0; 8],
            2000_u32.to_le_bytes().to_vec(),
        ];
        let [reply, confirmed] = [self.reply, self.confirmed].map(|reply| record(reply, &mut put));
        let trap = if matches!(self.reply, Reply::Trap) { "unreachable" } else { "" };
        let module = format!(
            r#"(core module $m
                (memory (export "memory") 2)
                (data (i32.const 0) "{}") (data (i32.const 256) "{}") (data (i32.const 512) "{}")
                (data (i32.const {TEXTS}) "{}")
                (global $next (mut i32) (i32.const 65536))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "describe") (result i32) (i32.const 0))
                (func (export "call") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (param $confirmed i32)
                    (param i32 i32) (result i32)
                    {trap}
                    (select (i32.const 512) (i32.const 256) (local.get $confirmed))))"#,
            hex(&definition.concat()),
            hex(&reply),
            hex(&confirmed),
            hex(texts.as_bytes()),
        );
        wat::parse_str(format!("(component {module} {LIFT})")).unwrap()
    }
}

/// `result<reply, failure>` in memory, with its texts put.
fn record(reply: Reply, put: &mut impl FnMut(&str) -> Vec<u8>) -> Vec<u8> {
    let case = |number: u32| number.to_le_bytes().to_vec();
    let mut optional = |text: &str| match text {
        "" => vec![0; 12],
        text => [case(1), put(text)].concat(),
    };
    match reply {
        Reply::Done([content, speech, data]) => {
            let (speech, data) = (optional(speech), optional(data));
            [case(0), case(0), put(content), speech, data, vec![0; 12]].concat()
        }
        Reply::Confirm(question) => [case(0), case(1), put(question)].concat(),
        Reply::Trap => Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").unwrap();
        text
    })
}

/// Lifts the core module's functions to the contract's, and gives its types their names.
const LIFT: &str = r#"
    (core instance $i (instantiate $m))
    (type $effect (enum "pure" "reads" "changes"))
    (type $definition (record (field "name" string) (field "description" string) (field "parameters" string)
      (field "effect" $effect) (field "hosts" (list string)) (field "timeout-ms" u32)))
    (type $context (record (field "tenant" string) (field "call-id" string) (field "caller" string)
      (field "idempotency-key" string) (field "time-zone" string) (field "confirmed" bool)))
    (type $answer (record (field "content" string) (field "speech" (option string))
      (field "data" (option string)) (field "follow-up" (option string))))
    (type $reply (variant (case "done" $answer) (case "confirm" string)))
    (type $failure (variant (case "invalid" string) (case "not-found" string) (case "conflict" string)
      (case "unavailable" string) (case "other" string)))
    (func $describe (result $definition)
      (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
    (func $call (param "context" $context) (param "arguments" string) (result (result $reply (error $failure)))
      (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (component $named
      (type $effect-shape (enum "pure" "reads" "changes"))
      (import "effect-shape" (type $effect (eq $effect-shape)))
      (type $definition-shape (record (field "name" string) (field "description" string)
        (field "parameters" string) (field "effect" $effect) (field "hosts" (list string)) (field "timeout-ms" u32)))
      (import "definition-shape" (type $definition (eq $definition-shape)))
      (type $context-shape (record (field "tenant" string) (field "call-id" string) (field "caller" string)
        (field "idempotency-key" string) (field "time-zone" string) (field "confirmed" bool)))
      (import "context-shape" (type $context (eq $context-shape)))
      (type $answer-shape (record (field "content" string) (field "speech" (option string))
        (field "data" (option string)) (field "follow-up" (option string))))
      (import "answer-shape" (type $answer (eq $answer-shape)))
      (type $reply-shape (variant (case "done" $answer) (case "confirm" string)))
      (import "reply-shape" (type $reply (eq $reply-shape)))
      (type $failure-shape (variant (case "invalid" string) (case "not-found" string) (case "conflict" string)
        (case "unavailable" string) (case "other" string)))
      (import "failure-shape" (type $failure (eq $failure-shape)))
      (import "describe-function" (func $describe (result $definition)))
      (import "call-function" (func $call (param "context" $context) (param "arguments" string)
        (result (result $reply (error $failure)))))
      (export $effect-name "effect" (type $effect))
      (type $definition-of-names (record (field "name" string) (field "description" string)
        (field "parameters" string) (field "effect" $effect-name) (field "hosts" (list string))
        (field "timeout-ms" u32)))
      (export $definition-name "definition" (type $definition) (type (eq $definition-of-names)))
      (export $context-name "context" (type $context))
      (export $answer-name "answer" (type $answer))
      (type $reply-of-names (variant (case "done" $answer-name) (case "confirm" string)))
      (export $reply-name "reply" (type $reply) (type (eq $reply-of-names)))
      (export $failure-name "failure" (type $failure))
      (export "describe" (func $describe) (func (result $definition-name)))
      (export "call" (func $call) (func (param "context" $context-name) (param "arguments" string)
        (result (result $reply-name (error $failure-name))))))
    (instance $tool (instantiate $named
      (with "effect-shape" (type $effect)) (with "definition-shape" (type $definition))
      (with "context-shape" (type $context)) (with "answer-shape" (type $answer)) (with "reply-shape" (type $reply))
      (with "failure-shape" (type $failure)) (with "describe-function" (func $describe))
      (with "call-function" (func $call))))
    (export "voicehive:tool/tool@0.1.0" (instance $tool))"#;
