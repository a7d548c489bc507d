// SPDX-License-Identifier: Apache-2.0
//! `handover.h`, which says to ThreadSanitizer where threads pass between C and the driver.

use std::ffi::c_void;

#[cfg(not(test))]
mod c {
    use std::ffi::c_void;

    unsafe extern "C" {
        pub safe fn ph_cql_handover_enter();
        pub safe fn ph_cql_handover_leave();
        pub safe fn ph_cql_handover_give(address: *mut c_void);
        pub safe fn ph_cql_handover_take(address: *mut c_void);
    }
}

/// Tests of the crate have no C around them.
#[cfg(test)]
mod c {
    use std::ffi::c_void;

    pub fn ph_cql_handover_enter() {}
    pub fn ph_cql_handover_leave() {}
    pub fn ph_cql_handover_give(_: *mut c_void) {}
    pub fn ph_cql_handover_take(_: *mut c_void) {}
}

/// This thread is in the driver, for as long as this lives.
pub struct Inside;

impl Inside {
    pub fn enter() -> Inside {
        c::ph_cql_handover_enter();
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        c::ph_cql_handover_leave();
    }
}

/// Runs a completion: C, in the middle of a thread of the driver.
pub fn outside(callback: impl FnOnce()) {
    c::ph_cql_handover_leave();
    callback();
    c::ph_cql_handover_enter();
}

pub fn enter() {
    c::ph_cql_handover_enter();
}

pub fn leave() {
    c::ph_cql_handover_leave();
}

pub fn give(address: *mut c_void) {
    c::ph_cql_handover_give(address);
}

pub fn take(address: *mut c_void) {
    c::ph_cql_handover_take(address);
}
