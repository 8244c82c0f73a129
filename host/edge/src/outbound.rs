//! Outbound HTTP of guests: to allowed hosts only, never to private addresses that the manifest does not spell out, and to
//! other components without leaving the process.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme as UriScheme};
use http::{Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::app::Inner;
use crate::guest::Grants;
use crate::hosts::{AllowedHosts, Reach, SELF_HOST, chaining_target};
use crate::settings::{Limits, Origin};

/// How many components may call each other in a row before it is taken for a loop.
pub(crate) const MAX_CHAIN: u8 = 8;
/// Idle connections that are kept to one host.
const MAX_IDLE_CONNECTIONS: usize = 8;
/// How long an idle connection is kept.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// The way from a guest's request back to the application: set once the application is loaded.
#[derive(Clone, Default)]
pub(crate) struct Application(Arc<OnceLock<Weak<Inner>>>);

impl Application {
    pub(crate) fn set(&self, inner: &Arc<Inner>) {
        let _ = self.0.set(Arc::downgrade(inner));
    }

    fn get(&self) -> Option<Arc<Inner>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

/// What one component may do over HTTP, and the connections it keeps. Connections are not shared between components: one
/// component's right to an address must not become another's.
pub(crate) struct Outbound {
    hosts: Arc<AllowedHosts>,
    client: Client<Connector, WasiBody>,
    application: Application,
    read_timeout: Duration,
}

impl Outbound {
    pub(crate) fn new(
        hosts: AllowedHosts,
        tls: Arc<rustls::ClientConfig>,
        limits: &Limits,
        application: Application,
    ) -> Self {
        let hosts = Arc::new(hosts);
        let connector = Connector {
            hosts: hosts.clone(),
            tls: tls.into(),
            connect_timeout: limits.outbound_connect_timeout,
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector);
        Self { hosts, client, application, read_timeout: limits.outbound_read_timeout }
    }
}

/// The settings of TLS towards the internet.
pub(crate) fn tls_config() -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The requests of one instance.
pub(crate) struct Requests {
    grants: Arc<Grants>,
    /// Of the request that the instance is answering; where it answers several at once, of the latest.
    pub(crate) origin: Option<Origin>,
    /// How many components called each other before this one.
    pub(crate) depth: u8,
}

impl Requests {
    pub(crate) fn new(grants: Arc<Grants>) -> Self {
        Self { grants, origin: None, depth: 0 }
    }
}

type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let call = Call { grants: self.grants.clone(), origin: self.origin, depth: self.depth, options };
        Box::new(async move {
            let response = call.send(request).await?;
            let driver: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(std::future::ready(Ok(())));
            Ok((response, driver))
        })
    }
}

struct Call {
    grants: Arc<Grants>,
    origin: Option<Origin>,
    depth: u8,
    options: Option<RequestOptions>,
}

impl Call {
    async fn send(self, mut request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || host == SELF_HOST {
            return self.send_to_own(request).await;
        }
        let scheme = uri.scheme_str().unwrap_or("https");
        if self.grants.outbound.hosts.check(scheme, host, uri.port_u16()).is_none() {
            return Err(self.denied(&uri));
        }
        if let Some(component) = chaining_target(host) {
            let (application, depth) = self.deeper()?;
            return application.chain(component, request, depth).await;
        }
        // The client writes its own from the URI.
        request.headers_mut().remove(header::HOST);
        self.send_out(request).await
    }

    fn denied(&self, uri: &Uri) -> Error {
        let authority = uri.authority().map_or("", Authority::as_str);
        let scheme = uri.scheme_str().unwrap_or_default();
        tracing::warn!(
            component = %self.grants.component,
            "request to {scheme}://{authority} denied; to allow it, add it to `allowed_outbound_hosts`"
        );
        Error::HttpRequestDenied
    }

    fn deeper(&self) -> Result<(Arc<Inner>, u8), Error> {
        if self.depth >= MAX_CHAIN {
            tracing::warn!(component = %self.grants.component, "components call each other in a loop");
            return Err(Error::LoopDetected);
        }
        Ok((self.grants.outbound.application.get().ok_or(Error::DestinationUnavailable)?, self.depth + 1))
    }

    /// A request of the application to itself, by its own routes.
    async fn send_to_own(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        if !self.grants.outbound.hosts.allows_own() {
            return Err(self.denied(request.uri()));
        }
        let (application, depth) = self.deeper()?;
        let origin = self.origin.ok_or(Error::DestinationUnavailable)?;
        application.own(request, origin, depth).await
    }

    async fn send_out(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let outbound = &self.grants.outbound;
        let limit = outbound.read_timeout;
        let head = self
            .options
            .and_then(|options| options.first_byte_timeout)
            .map_or(limit, |wanted| wanted.min(limit));
        let between = self
            .options
            .and_then(|options| options.between_bytes_timeout)
            .map_or(limit, |wanted| wanted.min(limit));
        let response = timeout(head, outbound.client.request(request))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| client_error(&self.grants.component, &error))?;
        Ok(response.map(|inner| Incoming { inner, silence: between, alarm: None }.boxed_unsync()))
    }
}

fn client_error(component: &str, error: &hyper_util::client::legacy::Error) -> Error {
    let source = std::error::Error::source(error);
    if let Some(error) = source.and_then(|source| source.downcast_ref::<ConnectError>()) {
        tracing::warn!(component, %error, "outbound connection failed");
        return error.into();
    }
    tracing::warn!(component, %error, cause = source.map(tracing::field::display), "outbound request failed");
    Error::HttpProtocolError
}

/// A response's body that fails when it falls silent.
struct Incoming {
    inner: hyper::body::Incoming,
    silence: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) else {
            let silence = self.silence;
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(silence)));
            ready!(alarm.as_mut().poll(cx));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        self.alarm = None;
        Poll::Ready(next.map(|frame| frame.map_err(Error::Hyper)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum ConnectError {
    #[error("the name cannot be resolved")]
    Name,
    #[error(
        "the name or address leads to a private network; write the address itself into `allowed_outbound_hosts` to allow it"
    )]
    Private,
    #[error("the host does not answer in time")]
    Timeout,
    #[error("the host refuses the connection")]
    Refused,
    #[error("TLS cannot be set up")]
    Tls,
    #[error("the host is not allowed")]
    Denied,
}

impl From<&ConnectError> for Error {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Name => {
                Self::DnsError { rcode: Some("address not available".to_owned()), info_code: Some(0) }
            }
            ConnectError::Private => Self::DestinationIpProhibited,
            ConnectError::Timeout => Self::ConnectionTimeout,
            ConnectError::Refused => Self::ConnectionRefused,
            ConnectError::Tls => Self::TlsProtocolError,
            ConnectError::Denied => Self::HttpRequestDenied,
        }
    }
}

/// Connects one component to the hosts it is allowed.
#[derive(Clone)]
struct Connector {
    hosts: Arc<AllowedHosts>,
    tls: TlsConnector,
    connect_timeout: Duration,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = timeout(connector.connect_timeout, connector.connect(&uri)).await;
            connected.map_err(|_| ConnectError::Timeout)?.map(TokioIo::new)
        })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let secure = uri.scheme() == Some(&UriScheme::HTTPS);
        let host = uri.host().ok_or(ConnectError::Name)?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let scheme = uri.scheme_str().unwrap_or_default();
        let reach = self.hosts.check(scheme, host, Some(port)).ok_or(ConnectError::Denied)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = permitted(reach, resolve(bare, port).await?)?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|_| ConnectError::Refused)?;
        let _ = stream.set_nodelay(true);
        if !secure {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| ConnectError::Tls)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| {
            tracing::warn!(host, %error, "TLS handshake failed");
            ConnectError::Tls
        })?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| ConnectError::Name)?;
    Ok(found.collect())
}

/// The addresses that may be used. The decision is over these, after the name is resolved, and the connection goes to these
/// and no others: a name that resolves differently the next time changes nothing.
fn permitted(reach: Reach, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ConnectError> {
    if found.is_empty() {
        return Err(ConnectError::Name);
    }
    let usable: Vec<SocketAddr> = found.into_iter().filter(|address| reach.permits(address.ip())).collect();
    match usable.is_empty() {
        true => Err(ConnectError::Private),
        false => Ok(usable),
    }
}

/// A connection, with TLS or without.
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::net::TcpListener;
    use tower::Service;

    use super::*;

    #[tokio::test]
    async fn a_private_address_is_refused_at_connect_time_unless_spelled_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cases = [
            ("*://*:*", format!("http://127.0.0.1:{port}/"), Err(ConnectError::Private)),
            ("*://*:*", format!("http://localhost:{port}/"), Err(ConnectError::Private)),
            ("*://*:*", format!("http://[::ffff:127.0.0.1]:{port}/"), Err(ConnectError::Private)),
            ("http://localhost:*", format!("http://localhost:{port}/"), Ok(())),
            ("http://127.0.0.1:*", format!("http://127.0.0.1:{port}/"), Ok(())),
            ("http://127.0.0.0/8:*", format!("http://127.0.0.1:{port}/"), Ok(())),
            ("http://127.0.0.1:*", "http://127.0.0.2/".to_owned(), Err(ConnectError::Denied)),
        ];
        for (entry, uri, expected) in cases {
            let connected = connector(entry).call(uri.parse().unwrap()).await;
            assert_eq!(connected.map(|_| ()), expected, "{entry} {uri}");
        }
    }

    #[test]
    fn private_answers_of_a_resolver_are_dropped_and_public_ones_kept() {
        let answers =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();

        let mixed = permitted(Reach::Public, answers(&["10.0.0.1:80", "8.8.8.8:80", "[fd00::1]:80"]));
        assert_eq!(mixed, Ok(answers(&["8.8.8.8:80"])));
        assert_eq!(permitted(Reach::Public, answers(&["169.254.169.254:80"])), Err(ConnectError::Private));
        assert_eq!(permitted(Reach::Loopback, answers(&["10.0.0.1:80"])), Err(ConnectError::Private));
        assert_eq!(permitted(Reach::Any, answers(&[])), Err(ConnectError::Name));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_does_not_finish_tls_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());

        let connected = connector("https://127.0.0.1:*").call(uri.parse().unwrap()).await;

        assert_eq!(connected.map(|_| ()), Err(ConnectError::Timeout));
    }

    #[tokio::test]
    async fn connections_are_kept_and_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let hosts = AllowedHosts::parse([("http://127.0.0.1:*", false)], &[]).unwrap();
        let outbound =
            Outbound::new(hosts, tls_config().unwrap(), &Limits::default(), Application::default());
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"hi"))))
            });
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        });

        for _ in 0..3 {
            let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
            let request = Request::builder().uri(uri.clone()).body(body).unwrap();
            let response = outbound.client.request(request).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hi");
        }

        drop(outbound);
        server.await.unwrap().unwrap();
    }

    fn connector(entry: &str) -> Connector {
        let hosts = AllowedHosts::parse([(entry, false)], &[]).unwrap();
        Connector {
            hosts: Arc::new(hosts),
            tls: tls_config().unwrap().into(),
            connect_timeout: Duration::from_secs(5),
        }
    }
}
