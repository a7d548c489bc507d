// SPDX-License-Identifier: Apache-2.0
//! Which node gets a request, and which request is sent again.
//!
//! Nodes: those of the local datacenter alone, replicas of the row first. The policy of the crate decides; ours stands
//! around it and counts what each node answered.
//!
//! Again: what surely was not done is sent once more, to another node, whatever it is. What may have been done only
//! where the statement is idempotent. Consensus is never tried again here.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use scylla::cluster::{ClusterState, NodeRef};
use scylla::errors::{DbError, RequestAttemptError, WriteType};
use scylla::policies::load_balancing::{DefaultPolicy, FallbackPlan, LoadBalancingPolicy, RoutingInfo};
use scylla::policies::retry::{RequestInfo, RetryDecision, RetryPolicy, RetrySession};
use scylla::routing::Shard;

tokio::task_local! {
    /// Of the request that this task runs: an attempt failed in a way that leaves open whether it was done.
    pub static IS_UNSURE: Cell<bool>;
}

// ---- Figures ----

#[derive(Debug, Default)]
pub struct NodeFigures {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub total_us: AtomicU64,
}

#[derive(Debug, Default)]
pub struct Figures {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub retries: AtomicU64,
    pub timeouts: AtomicU64,
    pub serial_timeouts: AtomicU64,
    nodes: RwLock<HashMap<u128, Arc<NodeFigures>>>,
}

impl Figures {
    /// HOST: the node's id in the cluster, which survives a change of its address.
    pub fn node(&self, host: u128) -> Arc<NodeFigures> {
        if let Some(figures) = self.nodes.read().unwrap().get(&host) {
            return figures.clone();
        }
        self.nodes.write().unwrap().entry(host).or_default().clone()
    }
}

// ---- Nodes ----

#[derive(Debug)]
pub struct Nodes {
    inner: Arc<dyn LoadBalancingPolicy>,
    figures: Arc<Figures>,
}

impl Nodes {
    pub fn new(datacenter: String, figures: Arc<Figures>) -> Nodes {
        let inner =
            DefaultPolicy::builder().prefer_datacenter(datacenter).token_aware(true).permit_dc_failover(false).build();
        Nodes { inner, figures }
    }
}

impl LoadBalancingPolicy for Nodes {
    fn pick<'a>(&'a self, request: &'a RoutingInfo, cluster: &'a ClusterState) -> Option<(NodeRef<'a>, Option<Shard>)> {
        self.inner.pick(request, cluster)
    }

    fn fallback<'a>(&'a self, request: &'a RoutingInfo, cluster: &'a ClusterState) -> FallbackPlan<'a> {
        self.inner.fallback(request, cluster)
    }

    fn on_request_success(&self, _: &RoutingInfo, latency: Duration, node: NodeRef<'_>) {
        let figures = self.figures.node(node.host_id.as_u128());
        figures.requests.fetch_add(1, Relaxed);
        figures.total_us.fetch_add(latency.as_micros() as u64, Relaxed);
    }

    fn on_request_failure(&self, _: &RoutingInfo, _: Duration, node: NodeRef<'_>, _: &RequestAttemptError) {
        let figures = self.figures.node(node.host_id.as_u128());
        figures.requests.fetch_add(1, Relaxed);
        figures.errors.fetch_add(1, Relaxed);
    }

    fn name(&self) -> String {
        "posthouse".into()
    }
}

// ---- Again ----

#[derive(Debug)]
pub struct Again {
    pub figures: Arc<Figures>,
}

impl RetryPolicy for Again {
    fn new_session(&self) -> Box<dyn RetrySession> {
        Box::new(Attempts { figures: self.figures.clone(), was_retried: Was::default() })
    }
}

/// What was already tried again, once each.
#[derive(Default)]
struct Was {
    unavailable: bool,
    timeout: bool,
}

struct Attempts {
    figures: Arc<Figures>,
    was_retried: Was,
}

impl RetrySession for Attempts {
    fn decide_should_retry(&mut self, info: RequestInfo) -> RetryDecision {
        let done = is_surely_not_done(info.error);
        if !done {
            // Outside of a request of ours (the crate's own) there is nobody to tell.
            let _ = IS_UNSURE.try_with(|is_unsure| is_unsure.set(true));
        }
        let decision = decide(&mut self.was_retried, info.error, info.is_idempotent, info.consistency.is_serial());
        if decision != RetryDecision::DontRetry {
            self.figures.retries.fetch_add(1, Relaxed);
        }
        decision
    }

    fn reset(&mut self) {
        self.was_retried = Was::default();
    }
}

/// Whether a request that was answered so has changed nothing.
pub fn is_surely_not_done(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => !matches!(
            error,
            DbError::ReadTimeout { .. }
                | DbError::WriteTimeout { .. }
                | DbError::ReadFailure { .. }
                | DbError::WriteFailure { .. }
                | DbError::ServerError
                | DbError::TruncateError
                | DbError::Other(_)
        ),
        _ => false,
    }
}

fn decide(was: &mut Was, error: &RequestAttemptError, is_idempotent: bool, is_serial: bool) -> RetryDecision {
    let next = RetryDecision::RetryNextTarget(None);
    if is_serial {
        return RetryDecision::DontRetry;
    }
    let again = match error {
        RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::BrokenConnectionError(_) => is_idempotent,
        RequestAttemptError::DbError(error, _) => match error {
            DbError::IsBootstrapping => true,
            DbError::Overloaded | DbError::ServerError | DbError::TruncateError => is_idempotent,
            // That node may be the one that does not see the others. Two of that kind at once are unlikely.
            DbError::Unavailable { .. } => !std::mem::replace(&mut was.unavailable, true),
            DbError::WriteTimeout { write_type: WriteType::Cas | WriteType::Counter, .. } => false,
            DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. } => {
                is_idempotent && !std::mem::replace(&mut was.timeout, true)
            }
            _ => false,
        },
        _ => false,
    };
    if again { next } else { RetryDecision::DontRetry }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::statement::Consistency;

    fn answered(error: DbError) -> RequestAttemptError {
        RequestAttemptError::DbError(error, String::new())
    }

    fn write_timeout(write_type: WriteType) -> RequestAttemptError {
        answered(DbError::WriteTimeout { consistency: Consistency::LocalQuorum, received: 1, required: 2, write_type })
    }

    fn unavailable() -> RequestAttemptError {
        answered(DbError::Unavailable { consistency: Consistency::LocalQuorum, required: 2, alive: 1 })
    }

    const NEXT: RetryDecision = RetryDecision::RetryNextTarget(None);
    const NO: RetryDecision = RetryDecision::DontRetry;

    #[test]
    fn timeouts_of_idempotent_statements_are_retried_once() {
        let mut was = Was::default();
        assert_eq!(decide(&mut was, &write_timeout(WriteType::Simple), true, false), NEXT);
        assert_eq!(decide(&mut was, &write_timeout(WriteType::Simple), true, false), NO);
        assert_eq!(decide(&mut Was::default(), &write_timeout(WriteType::Simple), false, false), NO);
    }

    #[test]
    fn consensus_and_counters_are_never_retried() {
        assert_eq!(decide(&mut Was::default(), &write_timeout(WriteType::Cas), true, false), NO);
        assert_eq!(decide(&mut Was::default(), &write_timeout(WriteType::Counter), true, false), NO);
        assert_eq!(decide(&mut Was::default(), &unavailable(), true, true), NO);
    }

    #[test]
    fn what_was_not_done_is_retried_whatever_it_is() {
        let mut was = Was::default();
        assert_eq!(decide(&mut was, &unavailable(), false, false), NEXT);
        assert_eq!(decide(&mut was, &unavailable(), false, false), NO);
        assert_eq!(decide(&mut was, &answered(DbError::IsBootstrapping), false, false), NEXT);
        assert_eq!(decide(&mut was, &answered(DbError::SyntaxError), true, false), NO);
    }

    #[test]
    fn what_may_have_been_done() {
        assert!(is_surely_not_done(&unavailable()));
        assert!(is_surely_not_done(&answered(DbError::Invalid)));
        assert!(!is_surely_not_done(&write_timeout(WriteType::Simple)));
        assert!(!is_surely_not_done(&answered(DbError::ServerError)));
    }
}
