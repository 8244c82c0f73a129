//! Ties the service to Spin: requests, variables, the database, the host and the imported capability.

use std::collections::BTreeMap;
use std::pin::pin;

use bytes::Bytes;
use futures::future::{Either, select};
use http::StatusCode;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, time, variables};
use store::{DbError, SpinDb, Store, Timestamp};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::incoming::BODY_BYTES_MAX;
use crate::service::{self, Body, Incoming, Platform, Settings, SettingsFault, WAKE_LIMIT};

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
    Incoming::new(head, body)
}

async fn settings() -> Result<Settings, SettingsFault> {
    let mut values = BTreeMap::new();
    for name in Settings::VARIABLES {
        if let Ok(value) = variables::get(name).await {
            values.insert(name, value);
        }
    }
    Settings::from_variables(&values)
}

struct Imports {
    settings: Result<Settings, SettingsFault>,
}

impl Platform for Imports {
    type Db = SpinDb;

    async fn open_store(&self) -> Result<Store<SpinDb>, DbError> {
        SpinDb::open("default").await.map(Store::new)
    }

    fn settings(&self) -> Result<&Settings, &SettingsFault> {
        self.settings.as_ref()
    }

    fn route(&self, call: &Call, table: &Table) -> Result<Answer, call_routing::Error> {
        call_routing::route(call, table)
    }

    async fn wake_host(&self, request: http::Request<String>) -> Result<StatusCode, String> {
        let answer = pin!(spin_sdk::http::send(request.map(|body| Full::new(Bytes::from(body)))));
        let limit = pin!(time::sleep(WAKE_LIMIT));
        match select(answer, limit).await {
            Either::Left((Ok(response), _)) => Ok(response.status()),
            Either::Left((Err(fault), _)) => Err(format!("the host cannot be reached: {fault}")),
            Either::Right(_) => Err("the host did not answer in time".to_owned()),
        }
    }

    fn log(&self, line: &str) {
        println!("{line}");
    }
}
