// SPDX-License-Identifier: Apache-2.0
//! Prepared statements: their settings, the types of their parameters and columns.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::time::Duration;

use scylla::frame::response::result::{CollectionType, ColumnType, NativeType};
use scylla::statement::Statement;
use scylla::statement::prepared::PreparedStatement;

use crate::error::{self, Failure};
use crate::ffi::{Settings, Status, put_error};
use crate::handover::Inside;
use crate::runtime;
use crate::session::ph_cql_session;

#[allow(non_camel_case_types, reason = "its name in driver.h")]
pub struct ph_cql_statement {
    pub prepared: PreparedStatement,
    /// Consensus decides over it: it is conditional, or reads at a serial level.
    pub is_serial: bool,
    params: Vec<u16>,
    columns: Vec<u16>,
}

fn type_code(column: &ColumnType) -> u16 {
    match column {
        ColumnType::Native(NativeType::Ascii) => 0x01,
        ColumnType::Native(NativeType::BigInt) => 0x02,
        ColumnType::Native(NativeType::Blob) => 0x03,
        ColumnType::Native(NativeType::Boolean) => 0x04,
        ColumnType::Native(NativeType::Counter) => 0x05,
        ColumnType::Native(NativeType::Int) => 0x09,
        ColumnType::Native(NativeType::Timestamp) => 0x0B,
        ColumnType::Native(NativeType::Uuid) => 0x0C,
        ColumnType::Native(NativeType::Text) => 0x0D,
        ColumnType::Native(NativeType::Timeuuid) => 0x0F,
        ColumnType::Collection { typ: CollectionType::List(_), .. } => 0x20,
        ColumnType::Collection { typ: CollectionType::Map(..), .. } => 0x21,
        ColumnType::Collection { typ: CollectionType::Set(_), .. } => 0x22,
        _ => 0,
    }
}

/// The words of a CQL text outside of its quotes, in capitals.
fn words(text: &str) -> Vec<String> {
    let mut quote = None;
    let bare: String = text
        .chars()
        .map(|c| {
            let is_quoted = quote.is_some();
            match quote {
                Some(mark) if mark == c => quote = None,
                None if c == '\'' || c == '"' => quote = Some(c),
                _ => {}
            }
            if is_quoted || quote.is_some() || !(c.is_ascii_alphanumeric() || c == '_') { ' ' } else { c }
        })
        .collect();
    bare.split_whitespace().map(str::to_ascii_uppercase).collect()
}

impl ph_cql_statement {
    fn new(mut prepared: PreparedStatement, text: &str, settings: &Settings) -> Result<ph_cql_statement, Failure> {
        let words = words(text);
        let is_read = words.first().is_some_and(|word| word == "SELECT");
        let consistency = settings
            .consistency
            .consistency()
            .ok_or_else(|| Failure::new(Status::Invalid, "no such consistency level"))?;
        prepared.set_consistency(consistency);
        prepared.set_serial_consistency(settings.serial_consistency.serial());
        prepared.set_is_idempotent(settings.is_idempotent);
        // The columns of a read are those it names; what a conditional write answers depends on what it met.
        prepared.set_use_cached_result_metadata(is_read);
        if settings.page_rows != 0 {
            prepared.set_page_size(settings.page_rows.min(i32::MAX as u32) as i32);
        }
        if settings.timeout_ms != 0 {
            prepared.set_request_timeout(Some(Duration::from_millis(settings.timeout_ms.into())));
        }
        let params = prepared.get_variable_col_specs().iter().map(|spec| type_code(spec.typ())).collect();
        let columns =
            prepared.get_current_result_set_col_specs().get().iter().map(|spec| type_code(spec.typ())).collect();
        let is_conditional = !is_read && words.iter().any(|word| word == "IF");
        Ok(ph_cql_statement { prepared, is_serial: is_conditional || consistency.is_serial(), params, columns })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_prepare(
    session: *mut ph_cql_session,
    text: *const c_char,
    settings: *const Settings,
    out_statement: *mut *mut ph_cql_statement,
    error: *mut c_char,
) -> Status {
    let _inside = Inside::enter();
    let session = unsafe { &*session };
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let shared = session.shared.clone();
    let asked = text.clone();
    let answer = runtime::wait(session.handle(), async move {
        match tokio::time::timeout(shared.blocking_timeout, shared.session.prepare(Statement::new(asked))).await {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(error)) => Err(error::of_prepare(&error)),
            Err(_) => Err(Failure::new(Status::Timeout, "no answer in time to PREPARE")),
        }
    });
    let statement = answer.and_then(|prepared| ph_cql_statement::new(prepared, &text, unsafe { &*settings }));
    match statement {
        Ok(statement) => {
            unsafe { *out_statement = Box::into_raw(Box::new(statement)) };
            Status::Ok
        }
        Err(failure) => {
            unsafe {
                *out_statement = ptr::null_mut();
                put_error(error, &failure.text);
            }
            failure.status
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_statement_free(statement: *mut ph_cql_statement) {
    let _inside = Inside::enter();
    if !statement.is_null() {
        drop(unsafe { Box::from_raw(statement) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_param_count(statement: *const ph_cql_statement) -> usize {
    unsafe { &*statement }.params.len()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_param_type(statement: *const ph_cql_statement, param: usize) -> u32 {
    unsafe { &*statement }.params.get(param).copied().unwrap_or(0).into()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_column_count(statement: *const ph_cql_statement) -> usize {
    unsafe { &*statement }.columns.len()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_column_type(statement: *const ph_cql_statement, column: usize) -> u32 {
    unsafe { &*statement }.columns.get(column).copied().unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_of_quotes() {
        assert_eq!(words("UPDATE t SET a=? WHERE b=? IF a=?"), ["UPDATE", "T", "SET", "A", "WHERE", "B", "IF", "A"]);
        assert_eq!(words("insert into \"if\" (a) values ('x if '' y')"), ["INSERT", "INTO", "A", "VALUES"]);
        assert!(!words("DELETE FROM t WHERE notif=?").contains(&"IF".to_string()));
    }

    #[test]
    fn type_codes_of_the_protocol() {
        assert_eq!(type_code(&ColumnType::Native(NativeType::Timeuuid)), 0x0F);
        assert_eq!(type_code(&ColumnType::Native(NativeType::Duration)), 0);
        let set = CollectionType::Set(Box::new(ColumnType::Native(NativeType::Text)));
        assert_eq!(type_code(&ColumnType::Collection { frozen: false, typ: set }), 0x22);
    }
}
