/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The works of posthouse-load over IMAP: what a session does between its login and its LOGOUT. As with peer.h, whatever goes
 * wrong ends the program.
 */
#ifndef BENCH_IMAP_H
#define BENCH_IMAP_H

#include "peer.h"

struct imap_counts {
    long messages;
    long octets; /* of literals */
};

/* Connects, and logs in. */
void imap_log_in(struct peer *peer, unsigned number, const char *user, const char *password);
void imap_log_out(struct peer *peer);
/* Sends a command and reads to its tagged OK. */
__attribute__((format(printf, 3, 4))) void imap_command(struct peer *peer, struct imap_counts *counts,
                                                        const char *fmt, ...);
/* SELECT INBOX; returns how many messages there are. */
long imap_select(struct peer *peer);
/* What a mail program lists of every message. */
void imap_list(struct peer *peer, struct imap_counts *counts);
void imap_append(struct peer *peer, const char *message, size_t len);
/* IDLE, up to the server's "+". */
void imap_idle(struct peer *peer);

#endif
