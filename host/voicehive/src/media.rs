//! The media socket's door: who may enter, and once only.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use media_token::Claims;
use store::{AgentId, Call, CallId, Claim, TenantId, Timestamp};

use crate::call::{self, Dialect};
use crate::live::NoPlace;
use crate::platform::Platform;
use crate::serve::Shared;

/// The scope in which tokens' nonces are claimed.
const CLAIM_SCOPE: &str = "media-token";

/// How long the checks may take; Twilio gives a handshake some seconds.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// The largest message a carrier may send. A frame has some 400 bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// The read buffer of a socket. The library's default of 128 KiB is zeroed on
/// every read, which dominated the cost of a call when measured.
const READ_BUFFER_BYTES: usize = 8 << 10;

/// Why a media socket is refused. The caller of a refused socket learns no more
/// than the status.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the token is not valid: {0}")]
    Token(#[from] media_token::Error),
    #[error("the token was used before")]
    Used,
    #[error("the token names a call that cannot be connected: {0}")]
    Call(&'static str),
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    #[error("the database does not answer")]
    Database,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Used => StatusCode::FORBIDDEN,
            Self::Call(_) => StatusCode::NOT_FOUND,
            Self::NoPlace(_) | Self::Database => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// `GET /media/twilio/{token}` and `GET /media/telnyx/{token}`: upgrades to a media socket if the token
/// is good and was never used.
pub async fn accept(
    State(shared): State<Shared>,
    Path((carrier, token)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(dialect) = Dialect::of(&carrier) else {
        return (StatusCode::NOT_FOUND, "there is no such carrier\n").into_response();
    };
    let admitted = tokio::time::timeout(CHECK_TIMEOUT, admit(&shared.platform, &token, dialect)).await;
    let admitted = match admitted.unwrap_or(Err(Refused::Database)) {
        Ok(admitted) => admitted,
        Err(refused) => {
            tracing::warn!(reason = %refused, "a media socket was refused");
            return (refused.status(), "refused\n").into_response();
        }
    };
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_failed_upgrade(|error| tracing::warn!(%error, "a media socket was lost while upgrading"))
        .on_upgrade(move |socket| call::run(shared.platform, admitted, socket))
}

/// Checks a token and takes a place for its call.
async fn admit(platform: &Arc<Platform>, token: &str, dialect: Dialect) -> Result<call::Admitted, Refused> {
    let now = Timestamp::now();
    let claims = media_token::verify(std::slice::from_ref(&platform.media_secret), token, now.as_secs())?;
    let (tenant, call, agent) = find(platform, &claims).await?;
    if call.carrier != dialect.carrier() {
        return Err(Refused::Call("it is another carrier's"));
    }
    let place = platform.live.enter(&tenant.id, &call.id)?;
    // Claimed last, so that a refusal for another reason does not use the token up.
    match platform.store.claim(&tenant.id, CLAIM_SCOPE, &claims.nonce, now).await {
        Ok(Claim::First) => {
            place.take_over();
            Ok(call::Admitted { tenant, call, agent, place, dialect })
        }
        Ok(Claim::Seen(_)) => Err(Refused::Used),
        Err(error) => {
            tracing::error!(%error, "a media token cannot be claimed");
            Err(Refused::Database)
        }
    }
}

async fn find(platform: &Platform, claims: &Claims) -> Result<(store::Tenant, Call, store::Agent), Refused> {
    let malformed = |_| Refused::Call("its ids are malformed");
    let tenant: TenantId = claims.tenant.parse().map_err(malformed)?;
    let call: CallId = claims.call.parse().map_err(malformed)?;
    let agent: AgentId = claims.agent.parse().map_err(malformed)?;
    let database = |error: store::StoreError| {
        tracing::error!(%error, "a media token cannot be looked up");
        Refused::Database
    };
    let call = platform.store.call(&tenant, &call).await.map_err(database)?;
    let call = call.ok_or(Refused::Call("there is no such call"))?;
    if call.status.is_terminal() {
        return Err(Refused::Call("the call has ended"));
    }
    let agent = platform.store.agent(&tenant, &agent).await.map_err(database)?;
    let agent = agent.ok_or(Refused::Call("there is no such agent"))?;
    let tenant = platform.store.tenant(&tenant).await.map_err(database)?;
    let tenant = tenant.ok_or(Refused::Call("there is no such tenant"))?;
    Ok((tenant, call, agent))
}
