//! A platform that serves, and what can be asked of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use store::{Db as _, NativeDb, Statement, Store};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::program::{
    API_KEY, Kind, data, find_spin, free_address, own_settings, prepare_data, require_components, spawn,
};
use super::{Answer, PATIENCE, Webhook, within};

/// A platform that serves, with a database of its own. It is killed when dropped.
pub struct Server {
    kind: Kind,
    address: SocketAddr,
    settings: BTreeMap<&'static str, String>,
    folder: TempDir,
    process: Child,
    client: reqwest::Client,
}

/// How many rows each table has that a request could write to.
#[derive(Debug, PartialEq, Eq)]
pub struct Rows(BTreeMap<&'static str, i64>);

impl Server {
    /// `voicehive up`, ready to serve; `settings` replace the tests' own.
    pub async fn voicehive(settings: &[(&'static str, String)]) -> Self {
        Self::start(Kind::Voicehive, settings).await
    }

    /// `spin up` of the same manifest; `None`, and why, where there is no Spin.
    pub async fn spin(settings: &[(&'static str, String)]) -> Option<Self> {
        match find_spin().await {
            Ok(program) => Some(Self::start(Kind::Spin(program), settings).await),
            Err(reason) => {
                eprintln!("skipped: {reason}");
                None
            }
        }
    }

    async fn start(kind: Kind, settings: &[(&'static str, String)]) -> Self {
        require_components();
        let folder = tempfile::tempdir().unwrap();
        prepare_data(folder.path());
        let address = free_address();
        let mut all = own_settings(address, folder.path());
        all.extend(settings.iter().cloned());
        // Calls run in real time, so nothing is compiled beside them: the first server to start compiles for all.
        static STARTING: Mutex<()> = Mutex::const_new(());
        let _alone = STARTING.lock().await;
        let process = spawn(&kind, address, &all, folder.path()).await;
        // Another part of the process may have chosen a provider already, which is as good.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let mut server = Self { kind, address, settings: all, folder, process, client };
        server.ready().await;
        server
    }

    /// What serves.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Voicehive => "voicehive up",
            Kind::Spin(_) => "spin up",
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its process was told: a command that is to find it is told the same.
    pub fn environment(&self) -> &BTreeMap<&'static str, String> {
        &self.settings
    }

    /// The base that carriers sign.
    pub fn public_url(&self) -> &str {
        &self.settings["PUBLIC_URL"]
    }

    /// The base of the media sockets.
    pub fn media_url(&self) -> String {
        match self.settings.get("MEDIA_URL") {
            Some(url) => url.clone(),
            None => self.public_url().replacen("http", "ws", 1),
        }
    }

    /// Its database, opened beside it.
    pub fn store(&self) -> Store<NativeDb> {
        Store::new(NativeDb::open(&self.data().join("voicehive.db")).unwrap())
    }

    /// The folder of the database and of what is fetched.
    pub fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// Counts what is stored.
    pub async fn rows(&self) -> Rows {
        const SQL: &str = "SELECT (SELECT COUNT(*) FROM calls) AS calls, \
            (SELECT COUNT(*) FROM call_events) AS call_events, (SELECT COUNT(*) FROM turns) AS turns, \
            (SELECT COUNT(*) FROM idempotency_keys) AS idempotency_keys, \
            (SELECT COUNT(*) FROM tool_records) AS tool_records, \
            (SELECT COUNT(*) FROM notifications) AS notifications, \
            (SELECT COUNT(*) FROM customers) AS customers, (SELECT COUNT(*) FROM memories) AS memories";
        let rows = self.store().db().query(Statement::new(SQL, [])).await.unwrap();
        let row = rows.first().unwrap();
        let columns = ["calls", "call_events", "turns", "idempotency_keys", "tool_records", "notifications"];
        let columns = columns.into_iter().chain(["customers", "memories"]);
        Rows(columns.map(|column| (column, row.integer(column).unwrap())).collect())
    }

    /// Delivers a signed webhook.
    pub async fn deliver(&self, webhook: &Webhook) -> Answer {
        let signature = webhook.signature(self.public_url());
        self.post(&webhook.target, &[("x-twilio-signature", &signature)], webhook.body()).await
    }

    /// Posts a form with these headers.
    pub async fn post(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.client.post(self.url(target)).body(body);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// Tells a live call something, as an operator.
    pub async fn command(&self, call: &str, command: &Value) -> Answer {
        let key = format!("Bearer {API_KEY}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        self.post(&format!("/v1/live/{call}/commands"), &headers, command.to_string()).await
    }

    /// Asks the REST API with a body of JSON.
    pub async fn api(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.api_as(API_KEY, method, target, body).await
    }

    /// The same, with this API key.
    pub async fn api_as(&self, key: &str, method: &str, target: &str, body: &Value) -> Answer {
        let request = self.client.request(method.parse().unwrap(), self.url(target)).bearer_auth(key);
        self.send(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Reads from the REST API.
    pub async fn get(&self, target: &str) -> Answer {
        self.request("GET", target, &[("authorization", &format!("Bearer {API_KEY}"))]).await
    }

    /// Sends a request without a body, with these headers and no others of ours.
    pub async fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.request(method.parse().unwrap(), self.url(target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// The call that the carrier knows by `call_sid`, as the API tells of it.
    pub async fn call(&self, call_sid: &str) -> Option<Value> {
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/v1/calls?limit=100{cursor}")).await.json();
            let items = page["items"].as_array().unwrap();
            if let Some(call) = items.iter().find(|call| call["carrier_call_id"] == call_sid) {
                return Some(call.clone());
            }
            cursor = format!("&cursor={}", page["next_cursor"].as_str()?);
        }
    }

    /// All of that call: the call, its transcript and its log.
    pub async fn call_detail(&self, call_sid: &str) -> Value {
        let call = self.call(call_sid).await.unwrap_or_else(|| panic!("there is no call {call_sid}"));
        let answer = self.get(&format!("/v1/calls/{}", call["id"].as_str().unwrap())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Kills the process without a warning.
    pub async fn kill(&mut self) {
        self.process.start_kill().unwrap();
        timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
    }

    /// Starts it again: same port, same data.
    pub async fn start_again(&mut self) {
        self.process = spawn(&self.kind, self.address, &self.settings, self.folder.path()).await;
        self.ready().await;
    }

    /// Asks the process to stop.
    pub async fn terminate(&self) {
        let id = self.process.id().expect("the process has ended already");
        let told = Command::new("sh").args(["-c", &format!("kill -s TERM {id}")]).status().await.unwrap();
        assert!(told.success());
    }

    /// Waits for the end of the process.
    pub async fn exited(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.expect("the process does not end").unwrap()
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn ready(&mut self) {
        /// The first start compiles the components.
        const STARTING: Duration = Duration::from_secs(300);
        within(STARTING, "the platform to be ready", async || {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("`{}` ended with {status}:\n{}", self.name(), self.log());
            }
            let response = self.client.get(self.url("/health/ready")).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()));
        Answer::read(response).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of `{}`\n{}---", self.name(), self.log());
        }
        // Spin serves from a child of its own, which outlives it when it is killed alone.
        if let (Kind::Spin(_), Some(id)) = (&self.kind, self.process.id()) {
            let group = format!("kill -s KILL -- -{id}");
            let _gone = std::process::Command::new("sh").args(["-c", &group]).status();
        }
    }
}
