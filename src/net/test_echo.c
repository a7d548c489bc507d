/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/pool.h"
#include "net/test_echo.h"
#include "net/test_support.h"

struct session {
    struct ph_job job; /* first */
    struct ph_conn *conn;
    unsigned lines;
    uint64_t total;
    uint64_t left; /* of a long answer, or of a sink */
    unsigned chain;
    bool is_sinking;
    bool is_spoiled;
};

static void resume_soon(struct ph_job *job)
{
    ph_conn_resume(((struct session *)(void *)job)->conn);
}

static void reply(struct ph_conn *conn, const char *line)
{
    ph_buf_str(ph_conn_out(conn), line);
    ph_buf_str(ph_conn_out(conn), "\r\n");
}

static void put_octets(struct ph_conn *conn, struct session *session, uint64_t count)
{
    uint8_t *at = ph_buf_reserve(ph_conn_out(conn), count);
    for (uint64_t i = 0; at != NULL && i < count; i++) {
        at[i] = ph_test_echo_octet(session->total - session->left + i);
    }
    ph_conn_out(conn)->len += at == NULL ? 0 : count;
    session->left -= count;
}

static enum ph_step echo_produce(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    while (session->left > 0 && !ph_conn_out_is_full(conn)) {
        put_octets(conn, session, session->left < 100 ? session->left : 100);
    }
    return session->left > 0 ? PH_STEP_MORE : PH_STEP_AGAIN;
}

static enum ph_step park(struct ph_conn *conn, struct ph_bytes how)
{
    struct ph_test_echo *echo = ph_conn_context(conn);
    struct session *session = ph_conn_session(conn);
    if (ph_bytes_eq(how, PH_BYTES("before"))) {
        ph_conn_resume(conn);
    } else if (ph_bytes_eq(how, PH_BYTES("during"))) {
        session->job.run = resume_soon;
        if (ph_jobs_submit(echo->jobs, &session->job) != PH_OK) {
            abort();
        }
    } else {
        pthread_mutex_lock(&echo->lock);
        echo->held[echo->held_count++] = conn;
        pthread_mutex_unlock(&echo->lock);
    }
    return PH_STEP_PARK;
}

static enum ph_step echo_resume(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    if (session->chain > 0) {
        session->chain--;
        return park(conn, PH_BYTES("during"));
    }
    reply(conn, "resumed");
    return PH_STEP_READ; /* nothing was offered here: as PH_STEP_AGAIN */
}

static void block(struct ph_conn *conn)
{
    struct ph_test_echo *echo = ph_conn_context(conn);
    ph_pool_blocking_begin();
    ph_pool_blocking_begin(); /* they nest */
    atomic_fetch_add(&echo->blocked, 1);
    sem_wait(&echo->may_go);
    ph_pool_blocking_end();
    ph_pool_blocking_end();
    reply(conn, "blocked");
}

static void overflow(struct ph_conn *conn)
{
    static const uint8_t zeros[1 << 16];
    while (!ph_conn_out(conn)->has_overflowed) {
        ph_buf_append(ph_conn_out(conn), zeros, sizeof zeros);
    }
}

static void watch(struct ph_conn *conn, unsigned interval_ms)
{
    struct ph_test_echo *echo = ph_conn_context(conn);
    pthread_mutex_lock(&echo->lock);
    if (echo->waker_count < PH_TEST_ECHO_HELD_MAX) {
        echo->wakers[echo->waker_count++] = ph_conn_waker(conn);
    }
    pthread_mutex_unlock(&echo->lock);
    ph_conn_expect_wakes(conn, true, interval_ms);
}

static enum ph_step echo_woken(struct ph_conn *conn)
{
    reply(conn, "woken");
    return PH_STEP_AGAIN;
}

unsigned ph_test_echo_wake(struct ph_test_echo *echo)
{
    pthread_mutex_lock(&echo->lock);
    unsigned count = echo->waker_count;
    for (unsigned i = 0; i < count; i++) {
        ph_conn_wake(echo->wakers[i]);
    }
    pthread_mutex_unlock(&echo->lock);
    return count;
}

static enum ph_step command(struct ph_conn *conn, struct ph_bytes line)
{
    struct session *session = ph_conn_session(conn);
    struct ph_bytes rest = line;
    struct ph_bytes word = ph_bytes_next_word(&rest);
    uint64_t number = 0;
    bool has_number = ph_bytes_to_u64(rest, &number);
    if (ph_bytes_eq(word, PH_BYTES("tls"))) {
        reply(conn, "go");
        return PH_STEP_TLS;
    }
    if (ph_bytes_eq(word, PH_BYTES("big")) && has_number) {
        session->total = session->left = number;
        return PH_STEP_MORE;
    }
    if (ph_bytes_eq(word, PH_BYTES("answer")) && has_number) {
        session->total = session->left = number;
        put_octets(conn, session, number);
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("sink")) && has_number) {
        session->total = session->left = number;
        session->is_sinking = true;
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("park"))) {
        return park(conn, rest);
    }
    if (ph_bytes_eq(word, PH_BYTES("chain")) && has_number) {
        session->chain = (unsigned)number - 1;
        return park(conn, PH_BYTES("during"));
    }
    if (ph_bytes_eq(word, PH_BYTES("block"))) {
        block(conn);
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("overflow"))) {
        overflow(conn);
        return rest.len > 0 ? park(conn, PH_BYTES("after")) : PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("timeout")) && has_number) {
        ph_conn_set_timeout(conn, (unsigned)number);
        reply(conn, "ok");
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("peer")) || ph_bytes_eq(word, PH_BYTES("local"))) {
        char text[PH_ADDRESS_TEXT_MAX];
        ph_address_format(word.len == 4 ? ph_conn_peer(conn) : ph_conn_local(conn), text);
        reply(conn, text);
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("watch")) && has_number) {
        watch(conn, (unsigned)number);
        reply(conn, "ok");
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("unwatch"))) {
        ph_conn_expect_wakes(conn, false, 0);
        reply(conn, "ok");
        return PH_STEP_AGAIN;
    }
    if (ph_bytes_eq(word, PH_BYTES("quit"))) {
        reply(conn, "bye");
        return PH_STEP_CLOSE;
    }
    ph_buf_u64(ph_conn_out(conn), ++session->lines);
    ph_buf_byte(ph_conn_out(conn), ' ');
    ph_buf_bytes(ph_conn_out(conn), line);
    ph_buf_str(ph_conn_out(conn), "\r\n");
    return PH_STEP_AGAIN;
}

static enum ph_step sink(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct session *session = ph_conn_session(conn);
    struct ph_bytes piece =
        ph_bytes_first(input, session->left < input.len ? (size_t)session->left : input.len);
    for (size_t i = 0; i < piece.len; i++) {
        session->is_spoiled |= piece.ptr[i] != ph_test_echo_octet(session->total - session->left + i);
    }
    *out_consumed = piece.len;
    session->left -= piece.len;
    if (session->left == 0) {
        session->is_sinking = false;
        ph_buf_str(ph_conn_out(conn), session->is_spoiled ? "spoiled " : "took ");
        ph_buf_u64(ph_conn_out(conn), session->total);
        ph_buf_str(ph_conn_out(conn), "\r\n");
    }
    return PH_STEP_AGAIN;
}

static enum ph_step echo_input(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    const struct session *session = ph_conn_session(conn);
    if (input.len == 0) {
        abort(); /* never, says the contract */
    }
    if (session->is_sinking) {
        return sink(conn, input, out_consumed);
    }
    size_t end = ph_bytes_find_crlf(input);
    if (end == input.len) {
        return PH_STEP_READ; /* without a limit of its own: the pool's is tested */
    }
    *out_consumed = end + 2;
    return command(conn, ph_bytes_first(input, end));
}

static enum ph_step echo_open(struct ph_conn *conn)
{
    struct ph_test_echo *echo = ph_conn_context(conn);
    struct session *session = ph_conn_session(conn);
    session->conn = conn;
    atomic_fetch_add(&echo->opened, 1);
    reply(conn, ph_conn_is_tls(conn) ? "hello over TLS" : "hello");
    return PH_STEP_READ;
}

static void echo_tls_started(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    session->lines = 100;
}

static void echo_goodbye(struct ph_conn *conn, enum ph_close_reason reason)
{
    ph_buf_printf(ph_conn_out(conn), "goodbye %s\r\n", ph_close_reason_name(reason));
}

static void echo_closed(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_test_echo *echo = ph_conn_context(conn);
    atomic_fetch_add(&echo->closed[reason], 1);
}

const struct ph_service ph_test_echo_service = {
    .name = "echo",
    .session_bytes = sizeof(struct session),
    .timeout_ms = PH_TEST_ECHO_TIMEOUT_MS,
    .open = echo_open,
    .input = echo_input,
    .produce = echo_produce,
    .resume = echo_resume,
    .woken = echo_woken,
    .tls_started = echo_tls_started,
    .goodbye = echo_goodbye,
    .closed = echo_closed,
};

void ph_test_echo_init(struct ph_test_echo *echo)
{
    struct ph_error err = {0};
    *echo = (struct ph_test_echo){0};
    pthread_mutex_init(&echo->lock, NULL);
    sem_init(&echo->may_go, 0, 0);
    assert_int_equal(ph_jobs_new(2, PH_TEST_ECHO_HELD_MAX, "finisher", &echo->jobs, &err), PH_OK);
}

void ph_test_echo_fini(struct ph_test_echo *echo)
{
    ph_jobs_free(&echo->jobs);
    for (unsigned i = 0; i < echo->waker_count; i++) {
        ph_waker_unref(&echo->wakers[i]);
    }
    sem_destroy(&echo->may_go);
    pthread_mutex_destroy(&echo->lock);
}

static unsigned waiting(struct ph_test_echo *echo)
{
    pthread_mutex_lock(&echo->lock);
    unsigned count = echo->held_count + atomic_load(&echo->blocked);
    pthread_mutex_unlock(&echo->lock);
    return count;
}

void ph_test_echo_wait_held(struct ph_test_echo *echo, unsigned count)
{
    PH_TEST_WAIT_UNTIL(waiting(echo) == count);
}

void ph_test_echo_release(struct ph_test_echo *echo, unsigned count)
{
    ph_test_echo_wait_held(echo, count);
    pthread_mutex_lock(&echo->lock);
    while (echo->held_count > 0) {
        ph_conn_resume(echo->held[--echo->held_count]);
    }
    pthread_mutex_unlock(&echo->lock);
    for (unsigned i = atomic_exchange(&echo->blocked, 0); i > 0; i--) {
        sem_post(&echo->may_go);
    }
}

unsigned ph_test_echo_closed(struct ph_test_echo *echo)
{
    unsigned count = 0;
    for (size_t i = 0; i < PH_TEST_ECHO_REASONS; i++) {
        count += atomic_load(&echo->closed[i]);
    }
    return count;
}

void ph_test_echo_expect_octets(struct ph_test_client *client, size_t len)
{
    uint8_t *octets = malloc(len);
    assert_non_null(octets);
    assert_int_equal(ph_test_read_bytes(client, octets, len), len);
    for (size_t i = 0; i < len; i++) {
        if (octets[i] != ph_test_echo_octet(i)) {
            fail_msg("octet %zu of %zu is another", i, len);
        }
    }
    free(octets);
}
