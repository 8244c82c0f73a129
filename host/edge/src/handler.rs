//! One component, ready to answer requests: instances are made, used as often as allowed, and ended at their deadline.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, InstantiationError, ProxyHandler, ProxyPre, ShouldAccept,
    WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

use crate::body::CutOff;
use crate::guest::{Grants, Guest};
use crate::settings::{InstanceReuse, Limits, Origin};
use crate::ticker::Ticker;

/// How long the outer deadline waits for the inner one, which ends one request and not all that share its instance.
const GRACE: Duration = Duration::from_millis(50);

/// What the runner shares between all components.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) ticker: Arc<Ticker>,
    /// Places for instances; as many as the pool has.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) deadline: Duration,
    pub(crate) queue_wait: Duration,
    pub(crate) reuse: InstanceReuse,
}

impl Shared {
    pub(crate) fn new(engine: Engine, limits: &Limits) -> std::io::Result<Self> {
        Ok(Self {
            ticker: Arc::new(Ticker::start(&engine)?),
            engine,
            places: Arc::new(Semaphore::new(limits.max_instances as usize)),
            deadline: limits.request_deadline,
            queue_wait: limits.queue_wait,
            reuse: limits.instance_reuse,
        })
    }
}

/// What a request tells the instance that answers it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) origin: Origin,
    /// How many components called each other before.
    pub(crate) depth: u8,
    /// Set if the instance is ended before its work is done.
    pub(crate) cut_off: CutOff,
}

impl Caller {
    pub(crate) fn new(origin: Origin, depth: u8) -> Self {
        Self { origin, depth, cut_off: CutOff::default() }
    }
}

/// Why a component has not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The deadline has passed.
    #[error("no answer within the deadline")]
    Deadline,
    /// There was no room for an instance.
    #[error("no room for another instance")]
    Full,
    /// The guest trapped, or returned an error instead of a response.
    #[error("{0:#}")]
    Guest(wasmtime::Error),
}

/// A component that answers requests.
#[derive(Clone)]
pub(crate) struct Handler {
    proxy: ProxyHandler<State>,
    deadline: Duration,
}

impl Handler {
    pub(crate) fn new(pre: ProxyPre<Guest>, grants: Arc<Grants>, shared: Shared) -> Self {
        let deadline = shared.deadline;
        Self { proxy: ProxyHandler::new(State { pre, grants, shared }), deadline }
    }

    pub(crate) async fn handle(
        &self,
        caller: Caller,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Failure> {
        let started = Instant::now();
        let error = match self.proxy.handle(caller, request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        // An instance that is ended from outside reports various errors; what they have in common is the time.
        if error.is::<ExpirationError>() || started.elapsed() >= self.deadline {
            return Err(Failure::Deadline);
        }
        match error.downcast::<InstantiationError<Caller>>() {
            Ok(InstantiationError { error, .. }) => Err(match error.downcast_ref::<NoInstance>() {
                Some(NoInstance::Full) => Failure::Full,
                Some(NoInstance::Deadline) => Failure::Deadline,
                None => {
                    Failure::Guest(wasmtime::format_err!("the component cannot be instantiated: {error:#}"))
                }
            }),
            Err(error) => Err(Failure::Guest(error)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum NoInstance {
    #[error("no room for another instance")]
    Full,
    #[error("instantiation took too long")]
    Deadline,
}

struct State {
    pre: ProxyPre<Guest>,
    grants: Arc<Grants>,
    shared: Shared,
}

impl HandlerState for State {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Worker>> {
        let shared = &self.shared;
        let place = match timeout(shared.queue_wait, shared.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) | Err(_) => return Err(NoInstance::Full.into()),
        };
        let mut store = Guest::store(&shared.engine, &self.grants, shared.ticker.run(), place);
        let proxy = timeout(shared.deadline, self.pre.instantiate_async(&mut store))
            .await
            .map_err(|_| NoInstance::Deadline)?
            .map_err(|error| match error.is::<wasmtime::PoolConcurrencyLimitError>() {
                true => NoInstance::Full.into(),
                false => error,
            })?;
        let overdue = Arc::new(AtomicBool::new(false));
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: Expiration {
                deadline: shared.deadline,
                idle: shared.reuse.idle,
                overdue: overdue.clone(),
                alarm: Box::pin(sleep(shared.deadline)),
            },
            state: Worker {
                component: self.grants.component.clone(),
                deadline: shared.deadline,
                reuse: shared.reuse,
                overdue,
                answering: Mutex::default(),
            },
        })
    }
}

/// Decides from outside the instance when it is to end; works even while the guest never yields by itself.
pub(crate) struct Expiration {
    deadline: Duration,
    idle: Duration,
    overdue: Arc<AtomicBool>,
    alarm: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let allowed = match status {
            WorkerStatus::Idle => self.idle,
            WorkerStatus::Requests => self.deadline + GRACE,
            WorkerStatus::PostReturn if self.overdue.load(Ordering::Relaxed) => return Poll::Ready(()),
            WorkerStatus::PostReturn => self.deadline,
        };
        let end = tokio::time::Instant::from_std(start + allowed);
        if self.alarm.deadline() != end {
            self.alarm.as_mut().reset(end);
        }
        self.alarm.as_mut().poll(cx)
    }
}

/// What an instance knows about its own use.
pub(crate) struct Worker {
    component: Arc<str>,
    deadline: Duration,
    reuse: InstanceReuse,
    overdue: Arc<AtomicBool>,
    /// One for each request whose response may still be on its way.
    answering: Mutex<Vec<CutOff>>,
}

impl WorkerState for Worker {
    type StoreData = Guest;
    type RequestData = Caller;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.requests {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Guest>,
        caller: Caller,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let requests = &mut store.data_mut().requests;
        requests.origin = Some(caller.origin);
        requests.depth = caller.depth;
        let mut answering = self.answering.lock().unwrap_or_else(PoisonError::into_inner);
        answering.retain(CutOff::is_awaited);
        answering.push(caller.cut_off);
        let (deadline, overdue) = (self.deadline, self.overdue.clone());
        Box::pin(async move {
            sleep(deadline).await;
            overdue.store(true, Ordering::Relaxed);
        })
    }

    fn drop(&self, store: Store<Guest>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            // Before the store goes, and with it the source of the bodies.
            self.answering.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(CutOff::set);
            let error = format!("{error:#}");
            tracing::warn!(component = %self.component, error, "an instance ended before its work was done");
        }
        drop(store);
    }
}
