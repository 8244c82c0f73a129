//! Several accounts behind one address, as at a real carrier: a request says itself whose it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

/// By what a request says whose account it is about; `None` where it does not say.
pub(crate) type Whose = fn(&Request) -> Option<String>;

/// The further accounts behind an address, by what requests call them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<String, Router>>>);

impl Accounts {
    /// From now on requests of this account are answered here.
    pub(crate) fn add(&self, name: String, routes: Router) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, routes);
    }

    fn find(&self, name: &str) -> Option<Router> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The routes of the first account, with those of the others beside them. Whose a request is comes before any route: one
    /// that had found its route already would carry that route's parameters into the next.
    pub(crate) fn beside(&self, routes: Router, whose: Whose) -> Router {
        Router::new().fallback_service(routes).layer(from_fn_with_state((self.clone(), whose), pass_on))
    }
}

async fn pass_on(
    State((accounts, whose)): State<(Accounts, Whose)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(routes) = whose(&request).and_then(|name| accounts.find(&name)) else {
        return next.run(request).await;
    };
    match TowerToHyperService::new(routes).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
