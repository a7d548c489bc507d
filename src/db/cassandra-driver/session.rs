// SPDX-License-Identifier: Apache-2.0
//! Connecting, closing, and the figures of a session.

use std::ffi::{c_char, c_void};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::client::{PoolSize, SelfIdentity};
use scylla::policies::host_filter::DcHostFilter;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::Consistency;
use tokio::runtime::Handle;

use crate::error::{self, Failure};
use crate::ffi::{Metrics, NODE_TEXT_MAX, Node, Options, Status, array, put_error, put_text, text};
use crate::handover::{self, Inside};
use crate::policy::{Again, Figures, Nodes};
use crate::queue::{self, Queue};
use crate::runtime::{self, Threads};
use crate::tls;

const DEFAULT_PORT: u16 = 9042;
const DEFAULT_THREADS: u32 = 1;
const DEFAULT_REQUEST_TIMEOUT_MS: u32 = 5_000;
const DEFAULT_CONNECT_TIMEOUT_MS: u32 = 5_000;
/// Of PREPARE, and of reading the cluster's metadata. PREPARE waits for every node: longer than it takes to give up one
/// that hangs.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(15);
/// Every connection is asked so often whether its node lives. Cassandra answers that behind the requests it has: a
/// connection is given up, and all its requests with it, only when the answer takes longer than two requests may.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_REQUESTS: u32 = 2;

#[allow(non_camel_case_types, reason = "its name in driver.h")]
pub struct ph_cql_session {
    pub shared: Arc<Shared>,
    threads: Threads,
}

impl ph_cql_session {
    pub fn handle(&self) -> &Handle {
        self.threads.handle()
    }
}

/// What requests hold of their session.
pub struct Shared {
    pub session: Session,
    pub figures: Arc<Figures>,
    pub blocking_timeout: Duration,
    pub queue: Queue,
    under_way: AtomicU64,
    idle_lock: Mutex<()>,
    idle: Condvar,
}

impl Shared {
    pub fn begin(&self) {
        self.figures.requests.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// Behind the completion: who waits in close may free what the completion used.
    pub fn end(&self) {
        handover::give(self.address());
        if self.under_way.fetch_sub(1, Ordering::Release) == 1 {
            drop(self.idle_lock.lock().unwrap());
            self.idle.notify_all();
        }
    }

    fn wait_idle(&self) {
        let mut lock = self.idle_lock.lock().unwrap();
        while self.under_way.load(Ordering::Acquire) != 0 {
            lock = self.idle.wait(lock).unwrap();
        }
        handover::take(self.address());
    }

    fn address(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }
}

// ---- Connecting ----

struct Wanted {
    contact_points: Vec<String>,
    local_datacenter: String,
    login: Option<(String, String)>,
    tls: Option<tls::Files>,
    request_timeout: Duration,
    connect_timeout: Duration,
    connections_per_node: Option<NonZeroUsize>,
    threads: u32,
}

fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

/// "host:port" of "host:port", "host", "[::1]:port" or "::1".
fn contact_point(text: &str, port: u16) -> String {
    if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => format!("{address}:{port}"),
            IpAddr::V6(address) => format!("[{address}]:{port}"),
        };
    }
    if text.contains(':') { text.into() } else { format!("{text}:{port}") }
}

impl Wanted {
    unsafe fn read(options: &Options) -> Result<Wanted, Failure> {
        let wrong = |text: &str| Failure::new(Status::Invalid, text);
        let port = if options.port == 0 { DEFAULT_PORT } else { options.port };
        let contact_points: Vec<String> = unsafe { array(options.contact_points, options.contact_point_count) }
            .iter()
            .filter_map(|point| unsafe { text(*point) })
            .map(|point| contact_point(&point, port))
            .collect();
        if contact_points.is_empty() {
            return Err(wrong("no contact point"));
        }
        let local_datacenter = unsafe { text(options.local_datacenter) }.ok_or_else(|| wrong("no local datacenter"))?;
        let username = unsafe { text(options.username) };
        let password = unsafe { text(options.password) }.unwrap_or_default();
        let tls = unsafe { text(options.tls_ca_file) }.map(|ca| tls::Files {
            ca,
            certificate: unsafe { text(options.tls_certificate_file) },
            key: unsafe { text(options.tls_key_file) },
            verify_host: options.tls_verify_host,
        });
        let ms = |value, default| Duration::from_millis(or_default(value, default).into());
        Ok(Wanted {
            contact_points,
            local_datacenter,
            login: username.map(|username| (username, password)),
            tls,
            request_timeout: ms(options.request_timeout_ms, DEFAULT_REQUEST_TIMEOUT_MS),
            connect_timeout: ms(options.connect_timeout_ms, DEFAULT_CONNECT_TIMEOUT_MS),
            connections_per_node: NonZeroUsize::new(options.connections_per_node as usize),
            threads: or_default(options.threads, DEFAULT_THREADS),
        })
    }

    fn builder(&self, figures: &Arc<Figures>) -> Result<SessionBuilder, Failure> {
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .request_timeout(Some(self.request_timeout))
            .load_balancing_policy(Arc::new(Nodes::new(self.local_datacenter.clone(), figures.clone())))
            .retry_policy(Arc::new(Again { figures: figures.clone() }))
            // A node that lives answers in two seconds, if only that others did not: one that says nothing for half
            // of the time is stuck, and another is asked as well. For idempotent statements only.
            .speculative_execution_policy(Some(Arc::new(SimpleSpeculativeExecutionPolicy {
                max_retry_count: 1,
                retry_interval: self.request_timeout / 2,
            })))
            .build();
        let mut builder = SessionBuilder::new()
            .known_nodes(&self.contact_points)
            .default_execution_profile_handle(profile.into_handle())
            .prefer_datacenter(self.local_datacenter.clone())
            .host_filter(Arc::new(DcHostFilter::new(self.local_datacenter.clone())))
            .connection_timeout(self.connect_timeout)
            .fetch_full_schema_metadata(false)
            .metadata_request_clientside_timeout(BLOCKING_TIMEOUT)
            .keepalive_interval(KEEPALIVE)
            .keepalive_timeout(KEEPALIVE.max(KEEPALIVE_REQUESTS * self.request_timeout))
            .custom_identity(SelfIdentity::new().with_application_name("posthouse"))
            .driver_config_reporting(false);
        if let Some(count) = self.connections_per_node {
            builder = builder.pool_size(PoolSize::PerHost(count));
        }
        if let Some((username, password)) = &self.login {
            builder = builder.user(username, password);
        }
        if let Some(files) = &self.tls {
            let context = tls::context(files).map_err(|text| Failure::new(Status::Invalid, text))?;
            builder = builder.tls_context(Some(context));
        }
        Ok(builder)
    }
}

/// Until a node of DATACENTER has a connection.
async fn wait_connected(session: &Session, datacenter: &str, timeout: Duration) -> Result<(), Failure> {
    let end = Instant::now() + timeout;
    loop {
        let cluster = session.get_cluster_state();
        let nodes = cluster.get_nodes_info();
        let is_local = |node: &Arc<scylla::cluster::Node>| node.datacenter.as_deref() == Some(datacenter);
        if !nodes.iter().any(is_local) {
            let mut names: Vec<&str> = nodes.iter().filter_map(|node| node.datacenter.as_deref()).collect();
            names.sort_unstable();
            names.dedup();
            let text = format!("no node in datacenter \"{datacenter}\"; there are: {}", names.join(", "));
            return Err(Failure::new(Status::Invalid, text));
        }
        if nodes.iter().any(|node: &Arc<scylla::cluster::Node>| is_local(node) && node.is_connected()) {
            return Ok(());
        }
        if Instant::now() >= end {
            let text = format!("no node of datacenter \"{datacenter}\" can be reached");
            return Err(Failure::new(Status::Unavailable, text));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(builder: SessionBuilder, datacenter: String, timeout: Duration) -> Result<Session, Failure> {
    let session = builder.build().await.map_err(|error| error::of_connect(&error))?;
    wait_connected(&session, &datacenter, timeout).await?;
    Ok(session)
}

fn open(options: &Options) -> Result<ph_cql_session, Failure> {
    let wanted = unsafe { Wanted::read(options) }?;
    let figures = Arc::new(Figures::default());
    let builder = wanted.builder(&figures)?;
    let threads = Threads::start(wanted.threads)
        .map_err(|error| Failure::new(Status::Failed, format!("cannot start threads: {error}")))?;
    let connected = connect(builder, wanted.local_datacenter, wanted.connect_timeout);
    match runtime::wait(threads.handle(), connected) {
        Ok(session) => {
            let blocking_timeout = wanted.request_timeout.max(BLOCKING_TIMEOUT);
            let (queue, under_way, idle_lock, idle) = Default::default();
            let shared = Arc::new(Shared { session, figures, blocking_timeout, queue, under_way, idle_lock, idle });
            threads.handle().spawn(queue::serve(shared.clone()));
            Ok(ph_cql_session { shared, threads })
        }
        Err(failure) => {
            threads.stop();
            Err(failure)
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_connect(
    options: *const Options,
    out_session: *mut *mut ph_cql_session,
    error: *mut c_char,
) -> Status {
    let _inside = Inside::enter();
    match open(unsafe { &*options }) {
        Ok(session) => {
            unsafe { *out_session = Box::into_raw(Box::new(session)) };
            Status::Ok
        }
        Err(failure) => {
            unsafe {
                *out_session = ptr::null_mut();
                put_error(error, &failure.text);
            }
            failure.status
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_close(session: *mut ph_cql_session) {
    let _inside = Inside::enter();
    if session.is_null() {
        return;
    }
    let session = unsafe { Box::from_raw(session) };
    session.shared.wait_idle();
    drop(session.shared);
    session.threads.stop();
}

// ---- Figures ----

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_session_metrics(session: *const ph_cql_session, out_metrics: *mut Metrics) {
    let _inside = Inside::enter();
    let shared = &unsafe { &*session }.shared;
    let figures = &shared.figures;
    let metrics = Metrics {
        requests: figures.requests.load(Ordering::Relaxed),
        errors: figures.errors.load(Ordering::Relaxed),
        retries: figures.retries.load(Ordering::Relaxed),
        timeouts: figures.timeouts.load(Ordering::Relaxed),
        serial_timeouts: figures.serial_timeouts.load(Ordering::Relaxed),
        connections: shared.session.get_metrics().get_total_connections(),
        under_way: shared.under_way.load(Ordering::Relaxed),
    };
    unsafe { *out_metrics = metrics };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_nodes(session: *const ph_cql_session, out_nodes: *mut Node, max: usize) -> usize {
    let _inside = Inside::enter();
    let shared = &unsafe { &*session }.shared;
    let cluster = shared.session.get_cluster_state();
    let nodes = cluster.get_nodes_info();
    for (i, node) in nodes.iter().take(max).enumerate() {
        let figures = shared.figures.node(node.host_id.as_u128());
        let mut out = Node {
            address: [0; NODE_TEXT_MAX],
            datacenter: [0; NODE_TEXT_MAX],
            is_up: node.is_connected(),
            requests: figures.requests.load(Ordering::Relaxed),
            errors: figures.errors.load(Ordering::Relaxed),
            total_us: figures.total_us.load(Ordering::Relaxed),
        };
        put_text(&mut out.address, &node.address.to_string());
        put_text(&mut out.datacenter, node.datacenter.as_deref().unwrap_or_default());
        unsafe { out_nodes.add(i).write(out) };
    }
    nodes.len()
}

#[cfg(test)]
mod tests {
    use super::contact_point;

    #[test]
    fn contact_points() {
        assert_eq!(contact_point("db.example", 9042), "db.example:9042");
        assert_eq!(contact_point("db.example:9043", 9042), "db.example:9043");
        assert_eq!(contact_point("192.0.2.1", 9042), "192.0.2.1:9042");
        assert_eq!(contact_point("192.0.2.1:9043", 9042), "192.0.2.1:9043");
        assert_eq!(contact_point("2001:db8::1", 9042), "[2001:db8::1]:9042");
        assert_eq!(contact_point("[2001:db8::1]", 9042), "[2001:db8::1]:9042");
        assert_eq!(contact_point("[2001:db8::1]:9043", 9042), "[2001:db8::1]:9043");
    }
}
