// SPDX-License-Identifier: Apache-2.0
//! The Cassandra driver: what `driver.h` promises, over the `scylla` crate.
//!
//! `driver.h` is the contract; what stands here is how. `session.rs` connects and closes, `statement.rs` prepares,
//! `request.rs` runs, `queue.rs` hands over, `result.rs` holds what came back, `error.rs` says which of our statuses an error is, `policy.rs`
//! decides which node gets a request and which request is sent again, `runtime.rs` has the threads, `tls.rs` the
//! certificates, and `handover.rs` tells ThreadSanitizer what it cannot see.
//!
//! Every pointer that C hands over is what `driver.h` says it is; that is the safety of all `unsafe` here. Nothing
//! unwinds into C: a panic ends the process (Cargo.toml).

#![allow(clippy::missing_safety_doc, reason = "driver.h says what callers promise")]

mod error;
mod ffi;
mod handover;
mod policy;
mod queue;
mod request;
mod result;
mod runtime;
mod session;
mod statement;
mod tls;
