// SPDX-License-Identifier: Apache-2.0
//! What a request came back with: a status and, if it is good, one page of rows.
//!
//! The rows stay in the frame they arrived in. Their cells are looked up once, into a table of addresses, so that C may
//! ask for any of them in any order.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Arc, OnceLock};

use scylla::deserialize::row::ColumnIterator;
use scylla::response::PagingStateResponse;
use scylla::response::query_result::{QueryResult, QueryRowsResult};

use crate::error::Failure;
use crate::ffi::Status;
use crate::handover::Inside;

#[allow(non_camel_case_types, reason = "its name in driver.h")]
pub struct ph_cql_result {
    status: Status,
    error: CString,
    is_serial_timeout: bool,
    rows: Option<Rows>,
    paging: Option<Arc<[u8]>>,
}

struct Rows {
    /// Row by row; they point into `frame`, which does not move.
    cells: Vec<Cell>,
    row_count: usize,
    column_count: usize,
    frame: QueryRowsResult,
    names: OnceLock<Vec<CString>>,
}

/// NULL: the value is null. One that is empty has an address.
struct Cell {
    ptr: *const u8,
    len: usize,
}

// The addresses lead to a frame that the result owns and nobody writes to.
unsafe impl Send for Rows {}
unsafe impl Sync for Rows {}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

impl Rows {
    fn new(frame: QueryRowsResult) -> Result<Rows, String> {
        let row_count = frame.rows_num();
        let column_count = frame.column_specs().len();
        let mut cells = Vec::with_capacity(row_count * column_count);
        for row in frame.rows::<ColumnIterator>().map_err(|error| error.to_string())? {
            for column in row.map_err(|error| error.to_string())? {
                let column = column.map_err(|error| error.to_string())?;
                cells.push(match column.slice {
                    Some(slice) => Cell { ptr: slice.as_slice().as_ptr(), len: slice.as_slice().len() },
                    None => Cell { ptr: ptr::null(), len: 0 },
                });
            }
        }
        Ok(Rows { cells, row_count, column_count, frame, names: OnceLock::new() })
    }
}

impl ph_cql_result {
    pub fn failed(failure: Failure) -> Box<ph_cql_result> {
        Box::new(ph_cql_result {
            status: failure.status,
            error: c_text(&failure.text),
            is_serial_timeout: failure.is_serial,
            rows: None,
            paging: None,
        })
    }

    pub fn good(answer: QueryResult, paging: PagingStateResponse) -> Box<ph_cql_result> {
        let mut result = ph_cql_result {
            status: Status::Ok,
            error: CString::default(),
            is_serial_timeout: false,
            rows: None,
            paging: None,
        };
        if let PagingStateResponse::HasMorePages { state } = paging {
            result.paging = state.as_bytes_slice().cloned();
        }
        if answer.is_rows() {
            let rows = answer.into_rows_result().map_err(|error| error.to_string()).and_then(Rows::new);
            match rows {
                Ok(rows) => result.rows = Some(rows),
                Err(text) => return ph_cql_result::failed(Failure::new(Status::Failed, text)),
            }
        }
        Box::new(result)
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn error(&self) -> &str {
        self.error.to_str().unwrap_or_default()
    }

    pub fn is_serial_timeout(&self) -> bool {
        self.is_serial_timeout
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_free(result: *mut ph_cql_result) {
    let _inside = Inside::enter();
    if !result.is_null() {
        drop(unsafe { Box::from_raw(result) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_status(result: *const ph_cql_result) -> Status {
    unsafe { &*result }.status
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_error(result: *const ph_cql_result) -> *const c_char {
    unsafe { &*result }.error.as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_is_serial_timeout(result: *const ph_cql_result) -> bool {
    unsafe { &*result }.is_serial_timeout
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_row_count(result: *const ph_cql_result) -> usize {
    unsafe { &*result }.rows.as_ref().map_or(0, |rows| rows.row_count)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_column_count(result: *const ph_cql_result) -> usize {
    unsafe { &*result }.rows.as_ref().map_or(0, |rows| rows.column_count)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_column_name(result: *const ph_cql_result, column: usize) -> *const c_char {
    let _inside = Inside::enter();
    let Some(rows) = &unsafe { &*result }.rows else { return c"".as_ptr() };
    let names = rows.names.get_or_init(|| rows.frame.column_specs().iter().map(|spec| c_text(spec.name())).collect());
    names.get(column).map_or(c"".as_ptr(), |name| name.as_ptr())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_cell(
    result: *const ph_cql_result,
    row: usize,
    column: usize,
    out_ptr: *mut *const u8,
    out_len: *mut usize,
) -> bool {
    let mut cell = &Cell { ptr: ptr::null(), len: 0 };
    if let Some(rows) = &unsafe { &*result }.rows
        && row < rows.row_count
        && column < rows.column_count
    {
        cell = &rows.cells[row * rows.column_count + column];
    }
    unsafe {
        *out_ptr = cell.ptr;
        *out_len = cell.len;
    }
    !cell.ptr.is_null()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ph_cql_result_paging(
    result: *const ph_cql_result,
    out_ptr: *mut *const u8,
    out_len: *mut usize,
) -> bool {
    let paging = &unsafe { &*result }.paging;
    let octets: &[u8] = paging.as_deref().unwrap_or_default();
    unsafe {
        *out_ptr = octets.as_ptr();
        *out_len = octets.len();
    }
    paging.is_some()
}
