// SPDX-License-Identifier: Apache-2.0
//! Running statements. A request waits in the session's queue, then is one task on the driver's threads; it ends with
//! the completion.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::future::Future;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::Statement;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::bound::BoundStatement;

use crate::error;
use crate::ffi::{Completion, NULL, Settings, Status, UNSET, Value, array, put_error};
use crate::handover::{self, Inside};
use crate::policy::IS_UNSURE;
use crate::result::ph_cql_result;
use crate::runtime;
use crate::session::{Shared, ph_cql_session};
use crate::statement::ph_cql_statement;

/// Definitions of tables take seconds.
const DEFINITION_TIMEOUT: Duration = Duration::from_secs(60);

// ---- Values ----

#[derive(Debug)]
struct WrongCount {
    given: usize,
    wanted: usize,
}

impl std::fmt::Display for WrongCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values for {} parameters", self.given, self.wanted)
    }
}

impl std::error::Error for WrongCount {}

/// Values as they go over the wire: each behind its length, as the protocol has it.
struct Octets {
    wire: Vec<u8>,
    count: usize,
}

impl Octets {
    unsafe fn copy(values: &[Value]) -> Octets {
        let len = values.iter().map(|value| 4 + value.len.max(0) as usize).sum();
        let mut wire = Vec::with_capacity(len);
        for value in values {
            let len = if value.len < 0 && value.len != UNSET { NULL } else { value.len };
            wire.extend_from_slice(&len.to_be_bytes());
            wire.extend_from_slice(unsafe { value.octets() });
        }
        Octets { wire, count: values.len() }
    }
}

impl SerializeRow for Octets {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        let wanted = context.columns().len();
        if self.count != wanted {
            return Err(SerializationError::new(WrongCount { given: self.count, wanted }));
        }
        let mut rest = self.wire.as_slice();
        while let Some((len, behind)) = rest.split_first_chunk::<4>() {
            rest = behind;
            match i32::from_be_bytes(*len) {
                NULL => writer.make_cell_writer().set_null(),
                UNSET => writer.make_cell_writer().set_unset(),
                len => {
                    let (octets, behind) = rest.split_at(len as usize);
                    rest = behind;
                    writer.make_cell_writer().set_value(octets).map_err(SerializationError::new)?
                }
            };
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The same without the copy: the values of the caller, who waits.
struct Borrowed<'a>(&'a [Value]);

impl SerializeRow for Borrowed<'_> {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        let wanted = context.columns().len();
        if self.0.len() != wanted {
            return Err(SerializationError::new(WrongCount { given: self.0.len(), wanted }));
        }
        for value in self.0 {
            match value.len {
                UNSET => writer.make_cell_writer().set_unset(),
                len if len < 0 => writer.make_cell_writer().set_null(),
                _ => {
                    let octets = unsafe { value.octets() };
                    writer.make_cell_writer().set_value(octets).map_err(SerializationError::new)?
                }
            };
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// ---- One request ----

struct Call {
    done: Completion,
    ctx: *mut c_void,
}

// C says that a completion may run on any thread.
unsafe impl Send for Call {}

impl Call {
    fn complete(self, result: Box<ph_cql_result>) {
        handover::take(self.ctx);
        handover::outside(|| (self.done)(self.ctx, Box::into_raw(result)));
    }
}

type Answer = Result<(QueryResult, PagingStateResponse), ExecutionError>;

enum What {
    One(BoundStatement, PagingState),
    Many(Batch, Vec<Octets>),
    Refused(SerializationError),
}

/// A request that is to be started.
pub struct Job {
    what: What,
    /// It takes part in consensus.
    is_serial: bool,
    call: Call,
}

impl Job {
    pub async fn run(self, shared: Arc<Shared>) {
        let answer = async {
            match self.what {
                What::One(bound, paging) => shared.session.execute_bound_single_page(&bound, paging).await,
                What::Many(batch, rows) => {
                    let answer = shared.session.batch(&batch, rows).await?;
                    Ok((answer, PagingStateResponse::NoMorePages))
                }
                What::Refused(error) => Err(ExecutionError::from(error)),
            }
        };
        let result = finish(&shared, self.is_serial, answer).await;
        self.call.complete(result);
        shared.end();
    }
}

/// Runs FUTURE, counts it and makes a result of it.
async fn finish(shared: &Shared, is_serial: bool, future: impl Future<Output = Answer>) -> Box<ph_cql_result> {
    let (answer, is_unsure) = IS_UNSURE
        .scope(Cell::new(false), async {
            let answer = future.await;
            (answer, IS_UNSURE.with(Cell::get))
        })
        .await;
    let result = match answer {
        Ok((answer, paging)) => ph_cql_result::good(answer, paging),
        Err(error) => ph_cql_result::failed(error::of_execution(&error, is_serial, is_unsure)),
    };
    if result.status() != Status::Ok {
        shared.figures.errors.fetch_add(1, Relaxed);
    }
    if result.status() == Status::Timeout {
        shared.figures.timeouts.fetch_add(1, Relaxed);
        shared.figures.serial_timeouts.fetch_add(result.is_serial_timeout().into(), Relaxed);
    }
    result
}

fn start(session: &ph_cql_session, what: What, is_serial: bool, call: Call) {
    session.shared.begin();
    handover::give(call.ctx);
    session.shared.queue.push(Job { what, is_serial, call });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_execute(
    session: *mut ph_cql_session,
    statement: *const ph_cql_statement,
    values: *const Value,
    value_count: usize,
    paging: *const u8,
    paging_len: usize,
    done: Completion,
    ctx: *mut c_void,
) {
    let _inside = Inside::enter();
    let session = unsafe { &*session };
    let statement = unsafe { &*statement };
    let paging = match unsafe { array(paging, paging_len) } {
        [] => PagingState::start(),
        octets => PagingState::new_from_raw_bytes(octets),
    };
    let bound = statement.prepared.clone().bind(&Borrowed(unsafe { array(values, value_count) }));
    let what = match bound {
        Ok(bound) => What::One(bound, paging),
        Err(error) => What::Refused(error),
    };
    start(session, what, statement.is_serial, Call { done, ctx });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_execute_batch(
    session: *mut ph_cql_session,
    statements: *const *const ph_cql_statement,
    statement_count: usize,
    values: *const Value,
    value_count: usize,
    settings: *const Settings,
    done: Completion,
    ctx: *mut c_void,
) {
    let _inside = Inside::enter();
    let session = unsafe { &*session };
    let settings = unsafe { &*settings };
    let mut rest = unsafe { array(values, value_count) };
    let mut batch = Batch::new(BatchType::Unlogged);
    let mut rows = Vec::with_capacity(statement_count);
    let mut is_serial = false;
    for statement in unsafe { array(statements, statement_count) } {
        let statement = unsafe { &**statement };
        // Too few: the statement that lacks some is refused when it is written out.
        let wanted = statement.prepared.get_variable_col_specs().len().min(rest.len());
        rows.push(unsafe { Octets::copy(&rest[..wanted]) });
        rest = &rest[wanted..];
        is_serial |= statement.is_serial;
        batch.append_statement(BatchStatement::PreparedStatement(statement.prepared.clone()));
    }
    let left = rest.len();
    if let Some(consistency) = settings.consistency.consistency() {
        batch.set_consistency(consistency);
    }
    batch.set_serial_consistency(settings.serial_consistency.serial());
    batch.set_is_idempotent(settings.is_idempotent);
    if settings.timeout_ms != 0 {
        batch.set_request_timeout(Some(Duration::from_millis(settings.timeout_ms.into())));
    }
    let what = match left {
        0 => What::Many(batch, rows),
        _ => What::Refused(SerializationError::new(WrongCount { given: value_count, wanted: value_count - left })),
    };
    start(session, what, is_serial, Call { done, ctx });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_run(
    session: *mut ph_cql_session,
    text: *const c_char,
    out_result: *mut *mut ph_cql_result,
    error: *mut c_char,
) -> Status {
    let _inside = Inside::enter();
    let session = unsafe { &*session };
    let mut statement = Statement::new(unsafe { CStr::from_ptr(text) }.to_string_lossy());
    statement.set_request_timeout(Some(DEFINITION_TIMEOUT));
    let shared = session.shared.clone();
    let result = runtime::wait(session.handle(), async move {
        shared.begin();
        let result = finish(&shared, false, async {
            let answer = shared.session.query_unpaged(statement, ()).await?;
            Ok((answer, PagingStateResponse::NoMorePages))
        })
        .await;
        shared.end();
        result
    });
    let status = result.status();
    if status == Status::Ok {
        unsafe { *out_result = Box::into_raw(result) };
    } else {
        unsafe {
            *out_result = ptr::null_mut();
            put_error(error, result.error());
        }
    }
    status
}
