/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For ThreadSanitizer: where threads pass between C and the driver.
 *
 * The driver is Rust and not instrumented. Of what it does, ThreadSanitizer sees the calls of libc (memcpy, free) but
 * not the atomics that order them. So what is done inside the driver is not looked at, and where C hands something over
 * by way of the driver, the order is stated here. In any other build these functions do nothing. The driver calls them;
 * nobody else does.
 */
#ifndef PH_DB_CASSANDRA_DRIVER_HANDOVER_H
#define PH_DB_CASSANDRA_DRIVER_HANDOVER_H

/* This thread goes into the driver, comes out of it; may be nested. */
void ph_cql_handover_enter(void);
void ph_cql_handover_leave(void);
/* What this thread did until now is done before what another does after ph_cql_handover_take of the same address. */
void ph_cql_handover_give(void *address);
void ph_cql_handover_take(void *address);

#endif
