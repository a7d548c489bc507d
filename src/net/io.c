/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing one non-blocking socket. With TLS the SSL object works on the descriptor itself: no copy
 * through memory BIOs. ERR_clear_error comes before each SSL call, because SSL_get_error looks at the thread's
 * error queue and threads serve many sessions.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net-private.h"
#include "net/tls.h"

/* Leaves the reason of an end in the thread's error queue, for who wants to log it. */
static enum ph_io of_ssl(struct ph_conn *conn, int result)
{
    switch (SSL_get_error(conn->ssl, result)) {
    case SSL_ERROR_WANT_READ: conn->wants_output_event = false; return PH_IO_AGAIN;
    case SSL_ERROR_WANT_WRITE: conn->wants_output_event = true; return PH_IO_AGAIN;
    default: return PH_IO_END;
    }
}

static void log_tls_failure(struct ph_conn *conn, const char *what)
{
    struct ph_log_line line;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ph_conn_log(conn, &line, PH_LOG_INFO, "tls-failed");
    ph_log_str(&line, "reason", reason == NULL ? what : reason);
    ph_log_end(&line);
    ERR_clear_error();
}

__attribute__((noinline)) void ph_io_close_descriptor(int fd)
{
    close(fd);
}

int ph_io_start_tls(struct ph_conn *conn)
{
    struct ph_pool *pool = conn->listener->pool;
    pthread_mutex_lock(&pool->list_lock);
    conn->tls = pool->tls == NULL ? NULL : ph_tls_context_ref(pool->tls);
    pthread_mutex_unlock(&pool->list_lock);
    ERR_clear_error();
    conn->ssl = conn->tls == NULL ? NULL : ph_tls_session_new(conn->tls);
    if (conn->ssl == NULL || SSL_set_fd(conn->ssl, conn->pollable.fd) != 1) {
        log_tls_failure(conn, conn->tls == NULL ? "no certificate is configured" : "out of memory");
        return PH_EUNAVAILABLE;
    }
    SSL_set_accept_state(conn->ssl);
    return PH_OK;
}

void ph_io_stop_tls(struct ph_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    ph_tls_context_unref(&conn->tls);
}

enum ph_io ph_io_handshake(struct ph_conn *conn)
{
    ERR_clear_error();
    int result = SSL_do_handshake(conn->ssl);
    enum ph_io io = result == 1 ? PH_IO_OK : of_ssl(conn, result);
    if (io == PH_IO_END) {
        log_tls_failure(conn, "the peer hung up");
    }
    return io;
}

enum ph_io ph_io_read(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    worker->is_dry = true;
    if (worker->in_at > 0) {
        memmove(worker->in, worker->in + worker->in_at, worker->in_len - worker->in_at);
        worker->in_len -= worker->in_at;
        worker->in_at = 0;
    }
    uint8_t *at = worker->in + worker->in_len;
    size_t got = 0;
    assert(worker->in_len <= PH_CONN_INPUT_MAX);
    if (conn->ssl != NULL) {
        ERR_clear_error();
        int result = SSL_read_ex(conn->ssl, at, PH_CONN_READ_BYTES, &got);
        if (result != 1) {
            enum ph_io io = of_ssl(conn, result);
            /* After an output event it has to be tried again, whatever epoll says of input. */
            conn->is_read_blocked_on_output = io == PH_IO_AGAIN && conn->wants_output_event;
            return io;
        }
        /* A full record is seldom the last one. */
        worker->is_dry = SSL_pending(conn->ssl) == 0 && got < SSL3_RT_MAX_PLAIN_LENGTH;
    } else {
        ssize_t result;
        do {
            result = recv(conn->pollable.fd, at, PH_CONN_READ_BYTES, MSG_DONTWAIT);
        } while (result < 0 && errno == EINTR);
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            conn->wants_output_event = false;
            return PH_IO_AGAIN;
        }
        if (result <= 0) {
            return PH_IO_END;
        }
        got = (size_t)result;
        worker->is_dry = got < PH_CONN_READ_BYTES;
    }
    worker->in_len += got;
    conn->bytes_in += got;
    return PH_IO_OK;
}

/* Writes as much as goes; *AT moves on. */
static enum ph_io write_some(struct ph_conn *conn, const uint8_t *bytes, size_t len, size_t *at)
{
    while (*at < len) {
        size_t put = 0;
        if (conn->ssl != NULL) {
            ERR_clear_error();
            int result = SSL_write_ex(conn->ssl, bytes + *at, len - *at, &put);
            if (result != 1) {
                return of_ssl(conn, result);
            }
        } else {
            ssize_t result = send(conn->pollable.fd, bytes + *at, len - *at, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (result < 0) {
                if (errno == EINTR) {
                    continue;
                }
                conn->wants_output_event = true;
                return errno == EAGAIN || errno == EWOULDBLOCK ? PH_IO_AGAIN : PH_IO_END;
            }
            put = (size_t)result;
        }
        *at += put;
        conn->bytes_out += put;
    }
    return PH_IO_OK;
}

static void keep_rest(struct ph_conn *conn, size_t written)
{
    struct ph_buf *out = &conn->worker->out;
    size_t rest = out->len - written;
    if (rest == 0) {
        return;
    }
    size_t old = conn->out_left_len - conn->out_left_at;
    uint8_t *joined = ph_alloc(old + rest);
    if (conn->out_left != NULL) {
        memcpy(joined, conn->out_left + conn->out_left_at, old);
    }
    memcpy(joined + old, out->ptr + written, rest);
    free(conn->out_left);
    conn->out_left = joined;
    conn->out_left_at = 0;
    conn->out_left_len = (uint32_t)(old + rest);
}

enum ph_io ph_io_flush(struct ph_conn *conn)
{
    struct ph_buf *out = &conn->worker->out;
    enum ph_io result = PH_IO_OK;
    size_t at = 0;
    if (conn->out_left != NULL) {
        at = conn->out_left_at;
        result = write_some(conn, conn->out_left, conn->out_left_len, &at);
        conn->out_left_at = (uint32_t)at;
        if (result == PH_IO_OK) {
            free(conn->out_left);
            conn->out_left = NULL;
            conn->out_left_at = conn->out_left_len = 0;
        }
        at = 0;
    }
    if (result == PH_IO_OK) {
        result = write_some(conn, out->ptr, out->len, &at);
    }
    if (result == PH_IO_AGAIN) {
        keep_rest(conn, at);
    }
    ph_buf_clear(out);
    return result;
}
