/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail program lists: the items that Thunderbird asks for when it opens a folder that it has not seen. */
#include "imap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_BYTES = 512 };

static const char listing[] =
    "FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority "
    "X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])";

/* The octets of a literal that LINE announces; -1: none. */
static long literal_of(const char *line)
{
    size_t len = strlen(line);
    const char *brace = len > 0 && line[len - 1] == '}' ? strrchr(line, '{') : NULL;
    return brace == NULL ? -1 : strtol(brace + 1, NULL, 10);
}

/* Reads responses up to "x ..."; gives the number of the last EXISTS. */
static long finish(struct peer *peer, struct imap_counts *counts)
{
    long exists = 0;
    bool is_inside = false; /* a response, behind a literal */
    for (;;) {
        const char *line = peer_line(peer);
        if (!is_inside && strncmp(line, "x ", 2) == 0) {
            if (strncmp(line, "x OK", 4) != 0) {
                fail("expected OK, got: %s", line);
            }
            return exists;
        }
        const char *word = !is_inside && strncmp(line, "* ", 2) == 0 ? strchr(line + 2, ' ') : NULL;
        if (word != NULL && strcmp(word, " EXISTS") == 0) {
            exists = strtol(line + 2, NULL, 10);
        }
        if (word != NULL && strncmp(word, " FETCH", 6) == 0) {
            counts->messages++;
        }
        long octets = literal_of(line);
        is_inside = octets >= 0;
        if (is_inside) {
            peer_skip(peer, (size_t)octets);
            counts->octets += octets;
        }
    }
}

void imap_command(struct peer *peer, struct imap_counts *counts, const char *fmt, ...)
{
    char line[COMMAND_BYTES];
    va_list args;
    memcpy(line, "x ", 2);
    va_start(args, fmt);
    int len = vsnprintf(line + 2, sizeof line - 4, fmt, args) + 2;
    va_end(args);
    memcpy(line + len, "\r\n", 2);
    peer_send(peer, line, (size_t)len + 2);
    (void)finish(peer, counts);
}

void imap_log_in(struct peer *peer, unsigned number, const char *user, const char *password)
{
    struct imap_counts counts = {0, 0};
    peer_connect(peer, number);
    peer_expect(peer, "* OK");
    imap_command(peer, &counts, "LOGIN %s %s", user, password);
}

void imap_log_out(struct peer *peer)
{
    struct imap_counts counts = {0, 0};
    imap_command(peer, &counts, "LOGOUT");
    peer_close(peer);
}

long imap_select(struct peer *peer)
{
    struct imap_counts counts = {0, 0};
    peer_send(peer, "x SELECT INBOX\r\n", 16);
    return finish(peer, &counts);
}

void imap_list(struct peer *peer, struct imap_counts *counts)
{
    imap_command(peer, counts, "%s", listing);
}

void imap_append(struct peer *peer, const char *message, size_t len)
{
    struct imap_counts counts = {0, 0};
    char line[COMMAND_BYTES];
    int line_len = snprintf(line, sizeof line, "x APPEND INBOX {%zu+}\r\n", len);
    peer_send(peer, line, (size_t)line_len);
    peer_send(peer, message, len);
    peer_send(peer, "\r\n", 2);
    (void)finish(peer, &counts);
}

void imap_idle(struct peer *peer)
{
    peer_send(peer, "x IDLE\r\n", 8);
    peer_expect(peer, "+ ");
}
