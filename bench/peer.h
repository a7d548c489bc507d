/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's end of one connection, in clear or TLS: lines in, octets out. Blocking; one thread. Whatever goes wrong ends
 * the program, since a load that failed in part measured nothing; but for the two calls that only try.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <netdb.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

enum { PEER_INPUT_BYTES = 16 * 1024 };

struct peer_target {
    struct addrinfo *server;
    SSL_CTX *tls; /* NULL: in clear */
    unsigned
        sources; /* so many loopback addresses to connect from, 127.0.0.1 and on; 0: as the kernel chooses */
};

struct peer {
    const struct peer_target *target;
    int fd; /* -1: not connected */
    SSL *ssl;
    size_t start, end; /* what was read and not used yet */
    char input[PEER_INPUT_BYTES];
};

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *fmt, ...);

/* Connects from the source address that NUMBER chooses; for TLS, shakes hands. The certificate is not looked at. */
void peer_connect(struct peer *peer, unsigned number);
void peer_close(struct peer *peer);
void peer_send(struct peer *peer, const char *octets, size_t len);
/* The next line without CRLF, valid until the next call. */
char *peer_line(struct peer *peer);
/* Reads LEN octets that nobody looks at. */
void peer_skip(struct peer *peer, size_t len);
/* As the first two; false or NULL where the server has closed the connection or is silent for two minutes. */
bool peer_try_send(struct peer *peer, const char *octets, size_t len);
char *peer_try_line(struct peer *peer);
/* Reads one reply of LMTP (perhaps of several lines) or POP3, which must begin with WANTED. */
void peer_expect(struct peer *peer, const char *wanted);
/* Sends one line and expects. */
__attribute__((format(printf, 3, 4))) void peer_command(struct peer *peer, const char *wanted,
                                                        const char *fmt, ...);
/* Reads to the line of one dot; gives the lines and the octets, dots not counted twice. */
void peer_listing(struct peer *peer, long *out_lines, long *out_octets);

#endif
