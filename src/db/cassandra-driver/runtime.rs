// SPDX-License-Identifier: Apache-2.0
//! The threads of a session. One thread runs everything without a lock or a wake-up between tasks, which costs the
//! least CPU a request; more than one share the work.

use std::future::Future;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::handover;

/// What is left to end at close are name look-ups; they are not waited for longer than this.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

pub struct Threads {
    handle: Handle,
    kind: Kind,
}

enum Kind {
    One { stop: oneshot::Sender<()>, thread: JoinHandle<()> },
    Many(Runtime),
}

/// What is the same for every runtime.
fn watched(builder: &mut Builder) -> &mut Builder {
    builder.enable_all().thread_name("cassandra").on_thread_start(handover::enter).on_thread_stop(handover::leave)
}

impl Threads {
    pub fn start(count: u32) -> std::io::Result<Threads> {
        if count == 1 {
            let runtime = watched(&mut Builder::new_current_thread()).build()?;
            let handle = runtime.handle().clone();
            let (stop, stopped) = oneshot::channel();
            let thread = std::thread::Builder::new().name("cassandra".into()).spawn(move || {
                handover::enter();
                let _ = runtime.block_on(stopped);
                runtime.shutdown_timeout(SHUTDOWN_WAIT);
                handover::leave();
            })?;
            return Ok(Threads { handle, kind: Kind::One { stop, thread } });
        }
        let runtime = watched(Builder::new_multi_thread().worker_threads(count as usize)).build()?;
        Ok(Threads { handle: runtime.handle().clone(), kind: Kind::Many(runtime) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the threads; what they still hold is dropped.
    pub fn stop(self) {
        match self.kind {
            Kind::One { stop, thread } => {
                let _ = stop.send(());
                let _ = thread.join();
            }
            Kind::Many(runtime) => runtime.shutdown_timeout(SHUTDOWN_WAIT),
        }
    }
}

/// Runs FUTURE on the driver's threads and waits for it on this one, which must not be one of them.
pub fn wait<T: Send + 'static>(handle: &Handle, future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    handle.spawn(async move {
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("a task that is neither dropped nor panics")
}
