//! Why a message was not answered as it should be.

use ::vapi::NoDestination;
use http::{Response, StatusCode};
use store::{DbError, ParseIdError, StoreError};

use super::desk::Case;
use crate::bindings::voicehive::platform::call_routing;
use crate::journal;
use crate::refusal::Refused;
use crate::service::{HostFault, Platform};

/// Why a message was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the message does not name its call")]
    NoCall,
    #[error("the database cannot be opened")]
    Database(#[from] DbError),
    #[error("the call cannot be stored")]
    Store(#[from] StoreError),
    #[error("the call's log was written to by others all the time")]
    Busy,
    #[error("the tenant's routing table is not of the stored form")]
    Table(#[from] serde_json::Error),
    #[error("the tenant's routing table cannot be used: {0:?}")]
    Routing(call_routing::Error),
    #[error("the routing table names an agent that cannot exist")]
    Agent(#[from] ParseIdError),
    #[error("the routing table names an agent that does not exist")]
    NoSuchAgent,
    #[error("the routing table names a destination that cannot be called")]
    Destination(#[from] NoDestination),
    #[error("the host does not say what the agent is")]
    Host(#[from] HostFault),
    #[error("the host answers {0} when it is asked what the agent is")]
    HostStatus(u16),
    #[error("the host's answer cannot be read")]
    HostAnswer(#[source] serde_json::Error),
}

impl Fault {
    /// A stable word for the log.
    fn code(&self) -> &'static str {
        match self {
            Self::NoCall | Self::Store(StoreError::Refused(_)) => "malformed-message",
            Self::Database(_) | Self::Store(_) | Self::Busy => "call-not-stored",
            Self::Table(_) | Self::Routing(_) | Self::Agent(_) | Self::NoSuchAgent | Self::Destination(_) => {
                "routing-table"
            }
            Self::Host(_) | Self::HostStatus(_) | Self::HostAnswer(_) => "host-unreachable",
        }
    }

    /// Says in the log what went wrong with something that is answered all the same.
    pub(super) fn log<P: Platform>(&self, case: &Case<'_, P>) {
        case.log("error", self.code(), &journal::chain(self));
    }

    /// The answer to a report.
    pub(super) fn written<P: Platform>(&self, case: &Case<'_, P>) -> Response<String> {
        let refused = match self {
            // Sent again, they would be the same.
            Self::NoCall | Self::Store(StoreError::Refused(_)) => {
                Refused::new(StatusCode::BAD_REQUEST, self.code(), self.to_string())
            }
            _ => {
                self.log(case);
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Refused::new(status, "report-not-stored", "the report was not stored; send it again")
                    .written(case.proven.request_id());
            }
        };
        case.proven.refuse(case.platform, &refused).written(case.proven.request_id())
    }
}
