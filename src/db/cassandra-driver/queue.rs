// SPDX-License-Identifier: Apache-2.0
//! Requests on their way from C to the driver's threads. A thread that sleeps must be woken, which is a system call on
//! both sides: only who finds the queue empty wakes it, so that the statements of a round, or of many sessions at once,
//! cost one.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::request::Job;
use crate::session::Shared;

#[derive(Default)]
pub struct Queue {
    jobs: Mutex<Vec<Job>>,
    news: Notify,
}

impl Queue {
    pub fn push(&self, job: Job) {
        let mut jobs = self.jobs.lock().unwrap();
        jobs.push(job);
        let is_first = jobs.len() == 1;
        drop(jobs);
        if is_first {
            self.news.notify_one();
        }
    }
}

/// Starts what is pushed, for as long as the session's threads run.
pub async fn serve(shared: Arc<Shared>) {
    let mut jobs = Vec::new();
    loop {
        std::mem::swap(&mut jobs, &mut *shared.queue.jobs.lock().unwrap());
        if jobs.is_empty() {
            shared.queue.news.notified().await;
        }
        for job in jobs.drain(..) {
            tokio::spawn(job.run(shared.clone()));
        }
    }
}
