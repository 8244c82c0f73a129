//! Ties the service to Spin: requests, variables, the database and the imported capabilities.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, variables};
use store::{DbError, SpinDb, Store, Timestamp};
use trace_context::{TRACEPARENT, TRACESTATE};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::bindings::webhook_verification::{self, Refusal, Request as Signed, Scheme, UrlSource, Verified};
use crate::message::{Body, Incoming};
use crate::service::{self, ANSWER_BYTES_MAX, HostAnswer, HostFault, Platform, Trace};
use crate::settings::Settings;

#[http_service]
async fn serve(request: Request) -> impl IntoResponse {
    let incoming = read(request).await;
    let platform = Imports {
        settings: settings().await,
        trace: incoming.trace.clone(),
        request_id: incoming.request_id.clone(),
    };
    service::handle(&platform, &incoming, Timestamp::now()).await.map(|body| Full::new(Bytes::from(body)))
}

async fn read(request: Request) -> Incoming {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, service::body_bytes_max(head.uri.path())).collect().await {
        Ok(body) => Body::Whole(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Body::TooLarge,
        Err(_) => Body::Broken,
    };
    Incoming::new(&head, body)
}

async fn settings() -> Result<Settings, crate::settings::Fault> {
    let mut values = std::collections::BTreeMap::new();
    for name in Settings::VARIABLES {
        if let Ok(value) = variables::get(name).await {
            values.insert(name, value);
        }
    }
    Settings::from_variables(&values)
}

struct Imports {
    settings: Result<Settings, crate::settings::Fault>,
    trace: Trace,
    request_id: String,
}

impl Imports {
    async fn post(&self, url: String, secret: &str, body: String) -> Result<HostAnswer, HostFault> {
        let unreachable = |fault: &dyn std::fmt::Display| HostFault::Unreachable(fault.to_string());
        let mut request = http::Request::post(url)
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", "application/json")
            .header("x-request-id", &self.request_id)
            .header(TRACEPARENT, self.trace.traceparent());
        if let Some(state) = self.trace.tracestate() {
            request = request.header(TRACESTATE, state);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|fault| unreachable(&fault))?;
        let (head, body) =
            spin_sdk::http::send(request).await.map_err(|fault| unreachable(&fault))?.into_parts();
        match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
            Ok(body) => Ok(HostAnswer { status: head.status.as_u16(), body: body.to_bytes().to_vec() }),
            Err(error) if error.is::<LengthLimitError>() => Err(HostFault::TooLarge),
            Err(error) => Err(unreachable(&error)),
        }
    }
}

impl Platform for Imports {
    type Db = SpinDb;

    async fn open_store(&self) -> Result<Store<SpinDb>, DbError> {
        SpinDb::open("default").await.map(Store::new)
    }

    async fn ask_host(&self, path: &str, body: String, timeout: Duration) -> Result<HostAnswer, HostFault> {
        let Ok(settings) = &self.settings else { return Err(HostFault::NotConfigured) };
        let (Some(base), Some(secret)) = (&settings.internal_url, &settings.internal_secret) else {
            return Err(HostFault::NotConfigured);
        };
        let answer = pin!(self.post(format!("{base}{path}"), secret, body));
        let deadline = pin!(spin_sdk::time::sleep(timeout));
        match select(answer, deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(HostFault::TimedOut),
        }
    }

    async fn pause(&self, time: Duration) {
        spin_sdk::time::sleep(time).await;
    }

    fn settings(&self) -> Result<&Settings, &crate::settings::Fault> {
        self.settings.as_ref()
    }

    fn public_url(
        &self,
        target: &str,
        headers: &[(String, String)],
        source: &UrlSource,
    ) -> Result<String, String> {
        webhook_verification::public_url(target, headers, source)
    }

    fn verify(&self, request: &Signed, scheme: &Scheme) -> Result<Verified, Refusal> {
        webhook_verification::verify(request, scheme)
    }

    fn route(&self, call: &Call, table: &Table) -> Result<Answer, call_routing::Error> {
        call_routing::route(call, table)
    }

    fn log(&self, line: &str) {
        println!("{line}");
    }
}
