// SPDX-License-Identifier: Apache-2.0
//! The structs and enums of `driver.h`, in the same order.

use std::ffi::{CStr, c_char, c_void};

use scylla::statement::{Consistency, SerialConsistency};

pub const ERROR_MAX: usize = 256;

#[repr(C)]
pub struct Options {
    pub contact_points: *const *const c_char,
    pub contact_point_count: usize,
    pub port: u16,
    pub local_datacenter: *const c_char,
    pub username: *const c_char,
    pub password: *const c_char,
    pub tls_ca_file: *const c_char,
    pub tls_certificate_file: *const c_char,
    pub tls_key_file: *const c_char,
    pub tls_verify_host: bool,
    pub request_timeout_ms: u32,
    pub connect_timeout_ms: u32,
    pub connections_per_node: u32,
    pub threads: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Unavailable,
    Overloaded,
    Timeout,
    Invalid,
    Denied,
    Failed,
}

/// `enum ph_cql_consistency`. An integer: C may hold any value in an enum, Rust may not.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Level(u32);

impl Level {
    pub fn consistency(self) -> Option<Consistency> {
        Some(match self.0 {
            0 => Consistency::One,
            1 => Consistency::LocalOne,
            2 => Consistency::Quorum,
            3 => Consistency::LocalQuorum,
            4 => Consistency::EachQuorum,
            5 => Consistency::All,
            6 => Consistency::Serial,
            7 => Consistency::LocalSerial,
            _ => return None,
        })
    }

    /// None for a level that is not a serial one: such a statement is not conditional, and the level is not looked at.
    pub fn serial(self) -> Option<SerialConsistency> {
        match self.0 {
            6 => Some(SerialConsistency::Serial),
            7 => Some(SerialConsistency::LocalSerial),
            _ => None,
        }
    }
}

#[repr(C)]
pub struct Settings {
    pub consistency: Level,
    pub serial_consistency: Level,
    pub is_idempotent: bool,
    pub page_rows: u32,
    pub timeout_ms: u32,
}

pub const NULL: i32 = -1;
pub const UNSET: i32 = -2;

#[repr(C)]
pub struct Value {
    pub ptr: *const u8,
    pub len: i32,
}

impl Value {
    /// The octets of a value that is neither null nor unset.
    pub unsafe fn octets(&self) -> &[u8] {
        if self.len <= 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.ptr, self.len as usize) }
    }
}

pub type Completion = extern "C" fn(ctx: *mut c_void, result: *mut crate::result::ph_cql_result);

#[repr(C)]
pub struct Metrics {
    pub requests: u64,
    pub errors: u64,
    pub retries: u64,
    pub timeouts: u64,
    pub serial_timeouts: u64,
    pub connections: u64,
    pub under_way: u64,
}

pub const NODE_TEXT_MAX: usize = 64;

#[repr(C)]
pub struct Node {
    pub address: [c_char; NODE_TEXT_MAX],
    pub datacenter: [c_char; NODE_TEXT_MAX],
    pub is_up: bool,
    pub requests: u64,
    pub errors: u64,
    pub total_us: u64,
}

/// A C string that may be NULL.
pub unsafe fn text(ptr: *const c_char) -> Option<String> {
    if ptr.is_null() {
        return None;
    }
    Some(unsafe { CStr::from_ptr(ptr) }.to_string_lossy().into_owned())
}

/// A C array of COUNT; PTR may be NULL where COUNT is 0.
pub unsafe fn array<'a, T>(ptr: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    unsafe { std::slice::from_raw_parts(ptr, count) }
}

/// Writes TEXT and a NUL to DESTINATION, cut between characters where it is too long.
pub fn put_text(destination: &mut [c_char], text: &str) {
    let mut len = text.len().min(destination.len() - 1);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    for (to, from) in destination.iter_mut().zip(&text.as_bytes()[..len]) {
        *to = *from as c_char;
    }
    destination[len] = 0;
}

/// The same for `char error[PH_CQL_ERROR_MAX]`.
pub unsafe fn put_error(destination: *mut c_char, text: &str) {
    put_text(unsafe { std::slice::from_raw_parts_mut(destination, ERROR_MAX) }, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let mut buffer = [1 as c_char; 4];
        put_text(&mut buffer, "a\u{e4}\u{e4}");
        assert_eq!(buffer.map(|c| c as u8), [b'a', 0xc3, 0xa4, 0]);
        put_text(&mut buffer, "\u{20ac}\u{20ac}");
        assert_eq!(buffer.map(|c| c as u8), [0xe2, 0x82, 0xac, 0]);
        put_text(&mut buffer, "");
        assert_eq!(buffer[0], 0);
    }

    #[test]
    fn levels() {
        assert_eq!(Level(3).consistency(), Some(Consistency::LocalQuorum));
        assert_eq!(Level(7).serial(), Some(SerialConsistency::LocalSerial));
        assert_eq!(Level(3).serial(), None);
        assert_eq!(Level(8).consistency(), None);
    }
}
