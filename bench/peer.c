/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 120, LINE_BYTES = 512 };

void fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("posthouse-load: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* ---- Connections ---- */

/* An address has 28,000 ports, and a server may count connections by address. */
static void choose_source(const struct peer *peer, unsigned number)
{
    if (peer->target->sources == 0 || peer->target->server->ai_family != AF_INET) {
        return;
    }
    int on = 1;
    setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % peer->target->sources),
    };
    if (bind(peer->fd, (const struct sockaddr *)&source, sizeof source) < 0) {
        fail("bind: %s", strerror(errno));
    }
}

void peer_connect(struct peer *peer, unsigned number)
{
    const struct addrinfo *server = peer->target->server;
    peer->fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) {
        fail("socket: %s", strerror(errno));
    }
    choose_source(peer, number);
    if (connect(peer->fd, server->ai_addr, server->ai_addrlen) < 0) {
        fail("connect: %s", strerror(errno));
    }
    int on = 1;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    peer->start = peer->end = 0;
    peer->ssl = NULL;
    if (peer->target->tls != NULL) {
        peer->ssl = SSL_new(peer->target->tls);
        if (peer->ssl == NULL || SSL_set_fd(peer->ssl, peer->fd) != 1 || SSL_connect(peer->ssl) != 1) {
            fail("TLS: %s", ERR_error_string(ERR_get_error(), NULL));
        }
    }
}

void peer_close(struct peer *peer)
{
    SSL_free(peer->ssl);
    peer->ssl = NULL;
    close(peer->fd);
    peer->fd = -1;
}

bool peer_try_send(struct peer *peer, const char *octets, size_t len)
{
    while (len > 0) {
        ssize_t sent = peer->ssl != NULL ? SSL_write(peer->ssl, octets, (int)len)
                                         : send(peer->fd, octets, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        octets += sent;
        len -= (size_t)sent;
    }
    return true;
}

void peer_send(struct peer *peer, const char *octets, size_t len)
{
    if (!peer_try_send(peer, octets, len)) {
        fail("send: %s", strerror(errno));
    }
}

static ssize_t receive(struct peer *peer)
{
    size_t room = sizeof peer->input - peer->end;
    ssize_t got = peer->ssl != NULL ? SSL_read(peer->ssl, peer->input + peer->end, (int)room)
                                    : recv(peer->fd, peer->input + peer->end, room, 0);
    peer->end += got > 0 ? (size_t)got : 0;
    return got;
}

/* ---- Lines ---- */

static char *read_line(struct peer *peer, ssize_t *out_got)
{
    for (;;) {
        char *start = peer->input + peer->start;
        char *newline = memchr(start, '\n', peer->end - peer->start);
        if (newline != NULL) {
            peer->start = (size_t)(newline - peer->input) + 1;
            if (newline > start && newline[-1] == '\r') {
                newline--;
            }
            *newline = '\0';
            return start;
        }
        memmove(peer->input, start, peer->end - peer->start);
        peer->end -= peer->start;
        peer->start = 0;
        if (peer->end == sizeof peer->input) {
            fail("a line of more than %zu octets", sizeof peer->input);
        }
        *out_got = receive(peer);
        if (*out_got <= 0) {
            return NULL;
        }
    }
}

char *peer_try_line(struct peer *peer)
{
    ssize_t got;
    return read_line(peer, &got);
}

char *peer_line(struct peer *peer)
{
    ssize_t got;
    char *line = read_line(peer, &got);
    if (line == NULL) {
        fail("the server closed the connection: %s", got < 0 ? strerror(errno) : "end of file");
    }
    return line;
}

void peer_skip(struct peer *peer, size_t len)
{
    for (;;) {
        size_t held = peer->end - peer->start;
        size_t taken = held < len ? held : len;
        peer->start += taken;
        len -= taken;
        if (len == 0) {
            return;
        }
        peer->start = peer->end = 0;
        if (receive(peer) <= 0) {
            fail("the server closed the connection inside a literal");
        }
    }
}

void peer_expect(struct peer *peer, const char *wanted)
{
    const char *line;
    do {
        line = peer_line(peer);
        if (strncmp(line, wanted, strlen(wanted)) != 0) {
            fail("expected %s, got: %s", wanted, line);
        }
    } while (line[0] >= '0' && line[0] <= '9' && strlen(line) > 3 && line[3] == '-');
}

void peer_command(struct peer *peer, const char *wanted, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 2, fmt, args);
    va_end(args);
    memcpy(line + len, "\r\n", 2);
    peer_send(peer, line, (size_t)len + 2);
    peer_expect(peer, wanted);
}

void peer_listing(struct peer *peer, long *out_lines, long *out_octets)
{
    long lines = 0;
    long octets = 0;
    for (const char *line = peer_line(peer); strcmp(line, ".") != 0; line = peer_line(peer)) {
        lines++;
        octets += (long)strlen(line) + 2 - (line[0] == '.');
    }
    *out_lines = lines;
    *out_octets = octets;
}
