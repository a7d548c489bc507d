/* SPDX-License-Identifier: Apache-2.0 */
/* The client of net/test_support.h: blocking calls over a socket that does not block, each with the same patience. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/test_support.h"

static void wait_for(const struct ph_test_client *client, short events)
{
    struct pollfd wanted = {.fd = client->fd, .events = events};
    if (poll(&wanted, 1, PH_TEST_PATIENCE_MS) != 1) {
        fail_msg("nothing came from the server, or it took nothing");
    }
}

/* ---- Connecting ---- */

static socklen_t address_of(const char *bound, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (strncmp(bound, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", bound + 5);
        return sizeof *un;
    }
    char host[64];
    const char *colon = strrchr(bound, ':');
    uint64_t port = 0;
    assert_true(colon != NULL && ph_bytes_to_u64(ph_bytes_str(colon + 1), &port));
    bool is_v6 = bound[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)(colon - bound) - (is_v6 ? 2 : 0), bound + (is_v6 ? 1 : 0));
    if (is_v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        assert_int_equal(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
    return sizeof *in;
}

static void open_socket(struct ph_test_client *client, const char *bound, struct sockaddr_storage *out_to,
                        socklen_t *out_len)
{
    client->ssl = NULL;
    client->at = client->len = 0;
    *out_len = address_of(bound, out_to);
    client->fd = socket(out_to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(client->fd >= 0);
}

static void finish_connect(struct ph_test_client *client, const struct sockaddr_storage *to, socklen_t len)
{
    int result = connect(client->fd, (const struct sockaddr *)to, len);
    if (result != 0 && errno == EINPROGRESS) {
        wait_for(client, POLLOUT);
        socklen_t size = sizeof result;
        assert_int_equal(getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &result, &size), 0);
    }
    assert_int_equal(result, 0);
}

void ph_test_connect(struct ph_test_client *client, const char *bound, const char *from)
{
    struct sockaddr_storage to;
    socklen_t len;
    open_socket(client, bound, &to, &len);
    if (from != NULL) {
        struct sockaddr_in source = {.sin_family = AF_INET};
        assert_int_equal(inet_pton(AF_INET, from, &source.sin_addr), 1);
        assert_int_equal(bind(client->fd, (const struct sockaddr *)(const void *)&source, sizeof source), 0);
    }
    finish_connect(client, &to, len);
}

void ph_test_connect_narrow(struct ph_test_client *client, const char *bound)
{
    struct sockaddr_storage to;
    socklen_t len;
    int octets = 1;
    open_socket(client, bound, &to, &len);
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets), 0);
    finish_connect(client, &to, len);
}

static bool ssl_must_wait(struct ph_test_client *client, int result)
{
    int error = SSL_get_error(client->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        wait_for(client, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
        return true;
    }
    return false;
}

void ph_test_start_tls(struct ph_test_client *client, const char *host)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    client->ssl = SSL_new(context);
    SSL_CTX_free(context);
    assert_non_null(client->ssl);
    assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
    if (host != NULL) {
        assert_int_equal(SSL_set_tlsext_host_name(client->ssl, host), 1);
    }
    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(client->ssl);
        if (result == 1) {
            return;
        }
        if (!ssl_must_wait(client, result)) {
            fail_msg("no TLS: %s", ERR_reason_error_string(ERR_peek_last_error()));
        }
    }
}

/* ---- Talking ---- */

size_t ph_test_send_what_goes(struct ph_test_client *client, const void *bytes, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t result = send(client->fd, (const uint8_t *)bytes + sent, len - sent, MSG_NOSIGNAL);
        if (result <= 0) {
            break;
        }
        sent += (size_t)result;
    }
    return sent;
}

void ph_test_send_bytes(struct ph_test_client *client, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        size_t put = 0;
        if (client->ssl == NULL) {
            put = ph_test_send_what_goes(client, at, len);
            if (put == 0) {
                wait_for(client, POLLOUT);
                /* A connection that broke is writable too. */
                assert_true(errno == EAGAIN);
            }
        } else {
            ERR_clear_error();
            int result = SSL_write_ex(client->ssl, at, len, &put);
            if (result != 1 && !ssl_must_wait(client, result)) {
                fail_msg("TLS write: %s", ERR_reason_error_string(ERR_peek_last_error()));
            }
        }
        at += put;
        len -= put;
    }
}

void ph_test_send(struct ph_test_client *client, const char *text)
{
    ph_test_send_bytes(client, text, strlen(text));
}

/* More input behind what is there; false at the end. */
static bool fill(struct ph_test_client *client)
{
    memmove(client->input, client->input + client->at, client->len - client->at);
    client->len -= client->at;
    client->at = 0;
    size_t room = sizeof client->input - client->len;
    assert_true(room > 0);
    for (;;) {
        size_t got = 0;
        if (client->ssl == NULL) {
            ssize_t result = recv(client->fd, client->input + client->len, room, 0);
            if (result < 0 && errno == EAGAIN) {
                wait_for(client, POLLIN);
                continue;
            }
            got = result > 0 ? (size_t)result : 0;
        } else {
            ERR_clear_error();
            int result = SSL_read_ex(client->ssl, client->input + client->len, room, &got);
            if (result != 1 && ssl_must_wait(client, result)) {
                continue;
            }
        }
        client->len += got;
        return got > 0;
    }
}

const char *ph_test_read_line(struct ph_test_client *client)
{
    for (;;) {
        struct ph_bytes input = ph_bytes_of(client->input + client->at, client->len - client->at);
        size_t end = ph_bytes_find_crlf(input);
        if (end < input.len) {
            assert_true(end < sizeof client->line);
            memcpy(client->line, input.ptr, end);
            client->line[end] = '\0';
            client->at += end + 2;
            return client->line;
        }
        if (!fill(client)) {
            return NULL;
        }
    }
}

void ph_test_expect(struct ph_test_client *client, const char *line)
{
    const char *got = ph_test_read_line(client);
    assert_string_equal(got == NULL ? "(end)" : got, line);
}

size_t ph_test_read_bytes(struct ph_test_client *client, uint8_t *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        if (client->at == client->len && !fill(client)) {
            break;
        }
        size_t there = client->len - client->at;
        size_t n = there < len - done ? there : len - done;
        memcpy(out + done, client->input + client->at, n);
        client->at += n;
        done += n;
    }
    return done;
}

void ph_test_expect_end(struct ph_test_client *client)
{
    uint8_t octet;
    assert_int_equal(ph_test_read_bytes(client, &octet, 1), 0);
}

void ph_test_half_close(struct ph_test_client *client)
{
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
}

void ph_test_hang_up(struct ph_test_client *client)
{
    SSL_free(client->ssl);
    client->ssl = NULL;
    assert_int_equal(close(client->fd), 0);
}

void ph_test_reset(struct ph_test_client *client)
{
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    ph_test_hang_up(client);
}
