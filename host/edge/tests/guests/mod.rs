//! WASI 0.2 guests in text form, and applications made of them.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests, of which each file uses a part"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use edge::{Edge, Limits, LoadError, Settings, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A guest whose core function `$status` decides the status of its answer; it may as well trap or never return.
/// `globals` are definitions that it may use.
pub fn answering(globals: &str, status: &str) -> Vec<u8> {
    component(&format!(
        r#"{globals}
        (func $status (result i32) {status})
        (func (export "handle") (param $request i32) (param $out i32)
            (local $response i32)
            (local.set $response (call $new-response (call $new-fields)))
            (drop (call $set-status (local.get $response) (call $status)))
            (call $answer (local.get $out) (i32.const 0) (local.get $response)
                (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#
    ))
}

/// A guest that returns without answering.
pub fn silent() -> Vec<u8> {
    component(r#"(func (export "handle") (param i32 i32))"#)
}

fn component(core: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
        (import "wasi:http/types@0.2.0" (instance $types
            (export "fields" (type $fields (sub resource)))
            (export "incoming-request" (type $request (sub resource)))
            (export "outgoing-response" (type $response (sub resource)))
            (export "response-outparam" (type $out (sub resource)))
            {ERROR_CODE}
            (export "[constructor]fields" (func (result (own $fields))))
            (export "[constructor]outgoing-response" (func (param "headers" (own $fields)) (result (own $response))))
            (export "[method]outgoing-response.set-status-code"
                (func (param "self" (borrow $response)) (param "status-code" u16) (result (result))))
            (export "[static]response-outparam.set"
                (func (param "param" (own $out)) (param "response" (result (own $response) (error $error)))))
        ))
        (alias export $types "incoming-request" (type $request))
        (alias export $types "response-outparam" (type $out))
        (core module $memory (memory (export "memory") 1) {REALLOC})
        (core instance $memory (instantiate $memory))
        (core func $new-fields (canon lower (func $types "[constructor]fields")))
        (core func $new-response (canon lower (func $types "[constructor]outgoing-response")))
        (core func $set-status (canon lower (func $types "[method]outgoing-response.set-status-code")))
        (core func $answer (canon lower (func $types "[static]response-outparam.set")
            (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
        (core module $guest
            (import "types" "new-fields" (func $new-fields (result i32)))
            (import "types" "new-response" (func $new-response (param i32) (result i32)))
            (import "types" "set-status" (func $set-status (param i32 i32) (result i32)))
            (import "types" "answer" (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
            {core})
        (core instance $guest (instantiate $guest (with "types" (instance
            (export "new-fields" (func $new-fields))
            (export "new-response" (func $new-response))
            (export "set-status" (func $set-status))
            (export "answer" (func $answer))))))
        (func $handle (param "request" (own $request)) (param "response-out" (own $out))
            (canon lift (core func $guest "handle")))
        (component $handler
            (import "types-request" (type $request (sub resource)))
            (import "types-out" (type $out (sub resource)))
            (import "types-handle" (func $handle (param "request" (own $request)) (param "response-out" (own $out))))
            (export $request-type "request" (type $request))
            (export $out-type "out" (type $out))
            (export "handle" (func $handle)
                (func (param "request" (own $request-type)) (param "response-out" (own $out-type)))))
        (instance $handler (instantiate $handler
            (with "types-request" (type $request))
            (with "types-out" (type $out))
            (with "types-handle" (func $handle))))
        (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    ))
    .unwrap()
}

const REALLOC: &str = r#"(func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#;

/// The error codes of wasi:http 0.2: the type of `response-outparam.set` has them all.
const ERROR_CODE: &str = r#"
    (type $dns (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns-payload (eq $dns)))
    (type $tls (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $tls-payload (eq $tls)))
    (type $field (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field-payload (eq $field)))
    (type $codes (variant
        (case "DNS-timeout")
        (case "DNS-error" $dns-payload)
        (case "destination-not-found")
        (case "destination-unavailable")
        (case "destination-IP-prohibited")
        (case "destination-IP-unroutable")
        (case "connection-refused")
        (case "connection-terminated")
        (case "connection-timeout")
        (case "connection-read-timeout")
        (case "connection-write-timeout")
        (case "connection-limit-reached")
        (case "TLS-protocol-error")
        (case "TLS-certificate-error")
        (case "TLS-alert-received" $tls-payload)
        (case "HTTP-request-denied")
        (case "HTTP-request-length-required")
        (case "HTTP-request-body-size" (option u64))
        (case "HTTP-request-method-invalid")
        (case "HTTP-request-URI-invalid")
        (case "HTTP-request-URI-too-long")
        (case "HTTP-request-header-section-size" (option u32))
        (case "HTTP-request-header-size" (option $field-payload))
        (case "HTTP-request-trailer-section-size" (option u32))
        (case "HTTP-request-trailer-size" $field-payload)
        (case "HTTP-response-incomplete")
        (case "HTTP-response-header-section-size" (option u32))
        (case "HTTP-response-header-size" $field-payload)
        (case "HTTP-response-body-size" (option u64))
        (case "HTTP-response-trailer-section-size" (option u32))
        (case "HTTP-response-trailer-size" $field-payload)
        (case "HTTP-response-transfer-coding" (option string))
        (case "HTTP-response-content-coding" (option string))
        (case "HTTP-response-timeout")
        (case "HTTP-upgrade-failed")
        (case "HTTP-protocol-error")
        (case "loop-detected")
        (case "configuration-error")
        (case "internal-error" (option string))))
    (export "error-code" (type $error (eq $codes)))
"#;

/// A manifest and its components in a directory of their own.
pub struct Application {
    pub directory: TempDir,
    pub limits: Limits,
}

impl Application {
    /// Triggers and components are given as they stand in the manifest, binaries by file name.
    pub fn new(manifest: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let head = "spin_manifest_version = 2\n[application]\nname = \"test\"\nversion = \"1.2.3\"\n";
        std::fs::write(directory.path().join("spin.toml"), format!("{head}{manifest}")).unwrap();
        for (name, bytes) in files {
            std::fs::write(directory.path().join(name), bytes).unwrap();
        }
        let limits = Limits { max_instances: 16, max_concurrent_requests: 8, ..Limits::default() };
        Self { directory, limits }
    }

    /// One component behind every path.
    pub fn of_one(wasm: Vec<u8>) -> Self {
        Self::new(
            "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\n",
            &[("guest.wasm", wasm)],
        )
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub async fn load(&self) -> Result<Edge, LoadError> {
        Edge::load(Settings {
            manifest: self.path().join("spin.toml"),
            state_dir: self.path().join("state"),
            sqlite_databases: BTreeMap::new(),
            variables: BTreeMap::new(),
            compile_cache: self.path().join("cache"),
            limits: self.limits.clone(),
        })
        .await
    }

    pub async fn load_error(&self) -> String {
        match self.load().await {
            Ok(_) => panic!("the application was loaded"),
            Err(error) => error.to_string(),
        }
    }

    pub async fn start(&self) -> Server {
        Server::start(self.load().await.unwrap()).await
    }
}

/// An application behind a socket.
pub struct Server {
    pub address: SocketAddr,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub async fn start(edge: Edge) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(edge, listener, async {
            let _ = stopped.await;
        }));
        Self { address, client: client(), stop: Some(stop), task }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("http://{}{path}", self.address)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).await.0
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap().unwrap();
    }
}

fn client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
