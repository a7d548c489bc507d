/* SPDX-License-Identifier: Apache-2.0 */
/* What a service may ask of its connection and say to it: the plain half of net/conn.h. */
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/net-private.h"

const char *ph_close_reason_name(enum ph_close_reason reason)
{
    static const char *const names[] = {
        [PH_CLOSE_PEER] = "peer",         [PH_CLOSE_SERVICE] = "service", [PH_CLOSE_TIMEOUT] = "timeout",
        [PH_CLOSE_SHUTDOWN] = "shutdown", [PH_CLOSE_REFUSED] = "refused", [PH_CLOSE_TLS] = "tls",
        [PH_CLOSE_OUTPUT] = "output",
    };
    return (unsigned)reason < sizeof names / sizeof names[0] ? names[reason] : "unknown";
}

void *ph_conn_session(struct ph_conn *conn)
{
    return conn->session;
}

void *ph_conn_context(struct ph_conn *conn)
{
    return conn->listener->options.context;
}

struct ph_buf *ph_conn_out(struct ph_conn *conn)
{
    return &conn->worker->out;
}

bool ph_conn_out_is_full(struct ph_conn *conn)
{
    return conn->worker->out.len >= PH_CONN_HIGH_WATER;
}

struct ph_arena *ph_conn_arena(struct ph_conn *conn)
{
    return &conn->worker->arena;
}

void ph_conn_set_timeout(struct ph_conn *conn, unsigned timeout_ms)
{
    conn->timeout_ms = timeout_ms;
}

bool ph_conn_is_tls(const struct ph_conn *conn)
{
    return conn->ssl != NULL;
}

const char *ph_conn_tls_version(const struct ph_conn *conn)
{
    return conn->ssl == NULL ? "" : SSL_get_version(conn->ssl);
}

const char *ph_conn_tls_cipher(const struct ph_conn *conn)
{
    return conn->ssl == NULL ? "" : SSL_get_cipher_name(conn->ssl);
}

bool ph_conn_can_start_tls(const struct ph_conn *conn)
{
    return conn->ssl == NULL && conn->listener->options.tls == PH_LISTENER_TLS_START;
}

const struct ph_address *ph_conn_peer(const struct ph_conn *conn)
{
    return &conn->peer;
}

const char *ph_conn_peer_text(struct ph_conn *conn)
{
    if (conn->peer_text == NULL) {
        char text[PH_ADDRESS_TEXT_MAX];
        ph_address_format(&conn->peer, text);
        conn->peer_text = ph_strdup(text);
    }
    return conn->peer_text;
}

bool ph_conn_peer_uid(const struct ph_conn *conn, uid_t *out_uid)
{
    struct ucred credentials;
    socklen_t len = sizeof credentials;
    if (conn->peer.family != PH_ADDRESS_UNIX ||
        getsockopt(conn->pollable.fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0) {
        return false;
    }
    *out_uid = credentials.uid;
    return true;
}

const struct ph_address *ph_conn_local(const struct ph_conn *conn)
{
    return &conn->local;
}

uint64_t ph_conn_id(const struct ph_conn *conn)
{
    return conn->id;
}

const struct ph_log *ph_conn_logger(const struct ph_conn *conn)
{
    return conn->listener->pool->options.log;
}

const struct ph_clock *ph_conn_clock(const struct ph_conn *conn)
{
    return conn->listener->pool->options.clock;
}

void ph_conn_log(struct ph_conn *conn, struct ph_log_line *line, enum ph_log_level level, const char *event)
{
    ph_log_begin(line, ph_conn_logger(conn), level, event);
    if (line->log != NULL) {
        char text[PH_ADDRESS_TEXT_MAX];
        ph_address_format(&conn->peer, text);
        ph_log_u64(line, "session", conn->id);
        ph_log_str(line, "protocol", conn->listener->options.service->name);
        ph_log_str(line, "remote", text);
    }
}

uint64_t ph_conn_bytes_in(const struct ph_conn *conn)
{
    return conn->bytes_in;
}

uint64_t ph_conn_bytes_out(const struct ph_conn *conn)
{
    return conn->bytes_out;
}
