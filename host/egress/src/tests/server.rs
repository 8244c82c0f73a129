//! A TLS server that says what a test tells it to, a resolver that answers what a test tells it to, and a way out that
//! trusts and may reach both.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{
    Answer, Budget, Egress, Error, Host, Limits, Policy, Request, Resolver, Response, Secret, Tenant, Usage,
    is_public,
};

/// The name that the servers of the tests have a certificate for.
pub(super) const NAME: &str = "api.shop-example.com";
pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Answers one lookup after the other with the next list, the last one again and again.
pub(super) struct Answers {
    lists: Vec<Vec<IpAddr>>,
    pub(super) asked: Mutex<Vec<String>>,
}

impl Answers {
    pub(super) fn new(lists: &[&[IpAddr]]) -> Arc<Self> {
        Arc::new(Self { lists: lists.iter().map(|list| list.to_vec()).collect(), asked: Mutex::default() })
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for Answers {
    fn resolve(&self, name: String) -> Answer {
        let mut asked = self.asked.lock().unwrap();
        let list = self.lists.get(asked.len()).or(self.lists.last()).cloned();
        asked.push(name);
        Box::pin(async move { list.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// A server on this machine.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) certificate: CertificateDer<'static>,
    /// The requests as they came, one for each connection that finished TLS.
    pub(super) heard: Arc<Mutex<Vec<String>>>,
    /// Connections, also those that did not finish TLS.
    pub(super) connections: Arc<Mutex<usize>>,
    /// Connections that took up the TLS session of an earlier one.
    pub(super) resumptions: Arc<Mutex<usize>>,
}

/// What a server does with a connection once it has read the request.
pub(super) trait Script: Clone + Send + Sync + 'static {
    fn run(self, stream: TlsStream<TcpStream>) -> impl Future<Output = ()> + Send;
}

impl<F, R> Script for F
where
    F: FnOnce(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    fn run(self, stream: TlsStream<TcpStream>) -> impl Future<Output = ()> + Send {
        self(stream)
    }
}

/// Writes `text` and closes.
pub(super) fn say(text: impl Into<Vec<u8>>) -> impl Script {
    let text = text.into();
    async move |mut stream: TlsStream<TcpStream>| {
        // The client may hang up as soon as it has seen enough.
        let _ = stream.write_all(&text).await;
        let _ = stream.shutdown().await;
    }
}

/// Writes `begin`, then `more` until the client hangs up.
pub(super) fn repeat(begin: &'static str, more: &'static str) -> impl Script {
    async move |mut stream: TlsStream<TcpStream>| {
        let mut next = begin.as_bytes();
        while stream.write_all(next).await.is_ok() {
            next = more.as_bytes();
        }
    }
}

/// Writes `begin`, then nothing, until the client hangs up.
pub(super) fn stall(begin: &'static str) -> impl Script {
    async move |mut stream: TlsStream<TcpStream>| {
        let _ = stream.write_all(begin.as_bytes()).await;
        let _ = stream.flush().await;
        let _ = stream.read(&mut [0; 1]).await;
    }
}

impl Server {
    pub(super) async fn start(script: impl Script) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.clone()], key)
                .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (connections, resumptions) = (Arc::<Mutex<usize>>::default(), Arc::<Mutex<usize>>::default());
        let server = Self {
            port,
            certificate,
            heard: heard.clone(),
            connections: connections.clone(),
            resumptions: resumptions.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                // Many small writes would otherwise wait for one another's acknowledgements.
                stream.set_nodelay(true).unwrap();
                let (acceptor, heard, script) = (acceptor.clone(), heard.clone(), script.clone());
                let resumptions = resumptions.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let resumed = stream.get_ref().1.handshake_kind() != Some(HandshakeKind::Full);
                    *resumptions.lock().unwrap() += usize::from(resumed);
                    let Ok(request) = read_request(&mut stream).await else { return };
                    heard.lock().unwrap().push(request);
                    script.run(stream).await;
                });
            }
        });
        server
    }

    pub(super) fn host(&self) -> Host {
        Host::parse(&format!("{NAME}:{}", self.port)).unwrap()
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}/", self.host())
    }

    pub(super) fn egress(&self, limits: Limits, resolver: Arc<dyn Resolver>) -> Egress {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Egress::new(limits, resolver, roots)
            .unwrap()
            .permitting(|address| is_public(address) || address == LOOPBACK)
    }

    pub(super) fn policy(&self, secrets: Vec<Secret>) -> Policy {
        Policy::new(vec![self.host()], secrets).unwrap()
    }

    /// Sends one request with the default limits to this server.
    pub(super) async fn get(&self) -> Result<Response, Error> {
        self.ask(Request { method: "GET".to_owned(), url: self.url(), ..Request::default() }).await
    }

    pub(super) async fn ask(&self, request: Request) -> Result<Response, Error> {
        let egress = self.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
        send(&egress, &self.policy(Vec::new()), request).await
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// Sends one request that no budget stops.
pub(super) async fn send(egress: &Egress, policy: &Policy, request: Request) -> Result<Response, Error> {
    let mut budget = unlimited();
    let now = Instant::now();
    let deadline = now + Duration::from_secs(60);
    egress.send(&Tenant::new("a"), policy, request, &mut budget, now, deadline).await
}

pub(super) fn unlimited() -> Budget {
    Budget::new(Usage::UNLIMITED, Usage::UNLIMITED, Usage::default())
}

pub(super) fn get(url: &str) -> Request {
    Request { method: "GET".to_owned(), url: url.to_owned(), ..Request::default() }
}

/// A request with its body, whose length the head must tell.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    let mut text = Vec::new();
    loop {
        let read = stream.read_buf(&mut text).await?;
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Ok(so_far);
            }
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
