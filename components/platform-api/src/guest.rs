//! Ties the service to Spin.

use bytes::Bytes;
use http_body_util::Full;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use store::{DbError, SpinDb, Store};

use crate::service::{self, Platform};

#[http_service]
async fn serve(request: Request) -> impl IntoResponse {
    let (head, _) = request.into_parts();
    service::handle(&Imports, &head).await.map(|body| Full::new(Bytes::from(body)))
}

struct Imports;

impl Platform for Imports {
    type Db = SpinDb;

    async fn open_store(&self) -> Result<Store<SpinDb>, DbError> {
        SpinDb::open("default").await.map(Store::new)
    }

    fn log(&self, line: &str) {
        println!("{line}");
    }
}
