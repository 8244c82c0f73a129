//! Why a webhook was not answered as it should be, and how its sender is told.

use http::{Response, StatusCode};
use store::{DbError, ParseIdError, RecordError, StoreError};

use super::{documents, form};
use crate::bindings::voicehive::platform::call_routing;
use crate::proof::Proven;
use crate::refusal::Refused;
use crate::service::Platform;
use crate::{journal, message};

/// Why a webhook was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the form cannot be used")]
    Form(#[from] form::Fault),
    #[error("the database cannot be opened")]
    Database(#[from] DbError),
    #[error("the call cannot be stored")]
    Store(#[from] StoreError),
    #[error("the tenant's routing table is not of the stored form")]
    Table(#[from] serde_json::Error),
    #[error("the tenant's routing table cannot be used: {0:?}")]
    Routing(call_routing::Error),
    #[error("the routing table names an agent that cannot exist")]
    Agent(#[from] ParseIdError),
    #[error("the media token cannot be made")]
    Token(#[from] media_token::Error),
    #[error("the voicemail cannot be stored")]
    Voicemail(#[from] RecordError),
}

impl Fault {
    /// A stable word for the log.
    fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "malformed-form",
            Self::Database(_) | Self::Store(_) => "call-not-stored",
            Self::Table(_) | Self::Routing(_) | Self::Agent(_) => "routing-table",
            Self::Token(_) => "media-token",
            Self::Voicemail(_) => "voicemail-not-stored",
        }
    }

    /// The answer where the carrier waits for a document.
    pub(super) fn spoken<P: Platform>(&self, platform: &P, proven: &Proven<'_>) -> Response<String> {
        if let Some(refused) = self.refused() {
            return proven.refuse(platform, &refused).spoken();
        }
        // Any other status would make the carrier play its own, harsher words.
        proven.log(platform, "error", self.code(), &journal::chain(self));
        message::twiml(StatusCode::OK, &documents::apology())
    }

    /// The answer where the carrier reports.
    pub(super) fn written<P: Platform>(&self, platform: &P, proven: &Proven<'_>) -> Response<String> {
        if let Some(refused) = self.refused() {
            return proven.refuse(platform, &refused).written(proven.request_id());
        }
        proven.log(platform, "error", "report-not-stored", &journal::chain(self));
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Refused::new(status, "report-not-stored", "the report was not stored; send it again")
            .written(proven.request_id())
    }

    /// What the sender did wrong, where it did.
    fn refused(&self) -> Option<Refused> {
        match self {
            Self::Form(fault) => {
                Some(Refused::new(StatusCode::BAD_REQUEST, "malformed-form", fault.to_string()))
            }
            // An id that no carrier gives.
            Self::Store(StoreError::Refused(what)) => {
                Some(Refused::new(StatusCode::BAD_REQUEST, "malformed-form", *what))
            }
            _ => None,
        }
    }
}

/// The document, or what is said in its place.
pub(super) fn document<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    answer: Result<twiml::Response, Fault>,
) -> Response<String> {
    match answer {
        Ok(document) => message::twiml(StatusCode::OK, &document),
        Err(fault) => fault.spoken(platform, proven),
    }
}
