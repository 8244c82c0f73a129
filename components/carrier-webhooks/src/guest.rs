//! Ties the service to Spin: requests, variables, the database and the imported capabilities.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, variables};
use store::{DbError, SpinDb, Store, Timestamp};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::bindings::voicehive::platform::webhook_verification::{
    self, Refusal, Request as Signed, Scheme, UrlSource, Verified,
};
use crate::message::{BODY_BYTES_MAX, Body, Incoming};
use crate::service::{self, Platform};
use crate::settings::Settings;

#[http_service]
async fn serve(request: Request) -> impl IntoResponse {
    let incoming = read(request).await;
    let platform = Imports { settings: settings().await };
    service::handle(&platform, &incoming, Timestamp::now()).await.map(|body| Full::new(Bytes::from(body)))
}

async fn read(request: Request) -> Incoming {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
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
}

impl Platform for Imports {
    type Db = SpinDb;

    async fn open_store(&self) -> Result<Store<SpinDb>, DbError> {
        SpinDb::open("default").await.map(Store::new)
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
