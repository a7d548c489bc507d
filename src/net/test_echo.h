/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that does on command whatever a protocol may do, for tests of the pool. It greets with "hello"; lines end
 * with CR LF.
 *
 *   tls            "go", then TLS
 *   big N          N octets by a step function; octet I is ph_test_echo_octet(I)
 *   answer N       N such octets at once
 *   sink N         takes N octets of input, then says "took N" if they were such octets
 *   park before    parks, and is done before PH_STEP_PARK is returned; "resumed" when done
 *   park during    ... is done by another thread that is told just before
 *   park after     ... is done by ph_test_echo_release
 *   chain N        N times park during, without a word but the last "resumed"
 *   block          waits in the thread for ph_test_echo_release; "blocked" when done
 *   overflow       more output than is allowed; "overflow park": the same, and parks (after)
 *   timeout MS     sets the timeout, "ok"
 *   local          the connection's own address
 *   peer           the connection's peer
 *   watch MS       expects wakes, with that interval; "ok"
 *   unwatch        no longer; "ok"
 *   quit           "bye", and closes
 *   other lines    repeated, behind their number
 * A wake is "woken". Goodbyes are "goodbye REASON".
 */
#ifndef PH_NET_TEST_ECHO_H
#define PH_NET_TEST_ECHO_H

#include <semaphore.h>

#include "base/jobs.h"
#include "net/conn.h"

enum { PH_TEST_ECHO_HELD_MAX = 64, PH_TEST_ECHO_REASONS = PH_CLOSE_OUTPUT + 1 };

/* The context of its listeners. */
struct ph_test_echo {
    struct ph_jobs *jobs;
    pthread_mutex_t lock;
    struct ph_conn *held[PH_TEST_ECHO_HELD_MAX]; /* parked after */
    unsigned held_count;
    sem_t may_go; /* of those that block */
    atomic_uint blocked;
    struct ph_waker *wakers[PH_TEST_ECHO_HELD_MAX]; /* of all who watched */
    unsigned waker_count;
    atomic_uint opened;
    atomic_uint closed[PH_TEST_ECHO_REASONS]; /* by reason */
};

extern const struct ph_service ph_test_echo_service;
/* The service's timeout, of the pool's clock. */
enum { PH_TEST_ECHO_TIMEOUT_MS = 60000 };

void ph_test_echo_init(struct ph_test_echo *echo);
void ph_test_echo_fini(struct ph_test_echo *echo);
/* Waits until COUNT are held or block, then lets them go. */
void ph_test_echo_release(struct ph_test_echo *echo, unsigned count);
void ph_test_echo_wait_held(struct ph_test_echo *echo, unsigned count);
/* Wakes everybody who ever watched; returns how many that are. Any thread. */
unsigned ph_test_echo_wake(struct ph_test_echo *echo);
unsigned ph_test_echo_closed(struct ph_test_echo *echo);

/* An answer of LEN octets, complete and right. */
struct ph_test_client;
void ph_test_echo_expect_octets(struct ph_test_client *client, size_t len);

static inline uint8_t ph_test_echo_octet(uint64_t index)
{
    /* CR and LF now and then; the period is prime, so that no lost or doubled block goes unseen. */
    return (uint8_t)(index % 251);
}

#endif
