/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <stdio.h>
#include <string.h>

enum { LINE_COLUMNS = 68 };

uint32_t next_random(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32) % below;
}

static const char *const words[] = {
    "meeting", "report",   "the",     "and",      "please",   "invoice",  "tomorrow",
    "of",      "attached", "regards", "schedule", "with",     "team",     "project",
    "for",     "review",   "a",       "update",   "customer", "question",
};
enum { WORDS = sizeof words / sizeof words[0] };

static size_t make_header(uint64_t *random, const char *user, char *out, size_t size)
{
    uint32_t client = next_random(random, 250);
    int len = snprintf(out, size,
                       "Received: from client%u.bench.example (client%u.bench.example [192.0.2.%u])\r\n"
                       "\tby relay.bench.example with ESMTPS id %08x%08x;\r\n"
                       "\tSun, 22 Nov 2026 12:%02u:%02u +0000\r\n"
                       "From: Sender %u <sender%u@bench.example>\r\n"
                       "To: <%s>\r\n"
                       "Subject: Message about %s and %s\r\n"
                       "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
                       "Message-ID: <%08x.%08x@bench.example>\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n\r\n",
                       client, client, client, next_random(random, UINT32_MAX),
                       next_random(random, UINT32_MAX), next_random(random, 60), next_random(random, 60),
                       next_random(random, 100), next_random(random, 100), user,
                       words[next_random(random, WORDS)], words[next_random(random, WORDS)],
                       next_random(random, UINT32_MAX), next_random(random, UINT32_MAX));
    return (size_t)len;
}

size_t make_message(uint64_t *random, size_t size, const char *user, char *out_text)
{
    /* Most mail is small, some is not. */
    static const size_t sizes[] = {1024, 1536, 2048, 2048, 3072, 3072, 4096, 6144, 8192, 18432};
    if (size == 0) {
        size = sizes[next_random(random, sizeof sizes / sizeof sizes[0])];
    }
    size_t used = make_header(random, user, out_text, MESSAGE_MAX_BYTES);
    for (size_t column = 0; used + 2 < size;) {
        /* Every sixth word is a number, or the text would compress far better than mail does. */
        char number[16];
        const char *word = words[next_random(random, WORDS)];
        if (next_random(random, 6) == 0) {
            snprintf(number, sizeof number, "%x", next_random(random, UINT32_MAX));
            word = number;
        }
        size_t word_len = strlen(word);
        memcpy(out_text + used, word, word_len);
        used += word_len;
        column += word_len + 1;
        if (column > LINE_COLUMNS) {
            memcpy(out_text + used, "\r\n", 2);
            used += 2;
            column = 0;
        } else {
            out_text[used++] = ' ';
        }
    }
    memcpy(out_text + used, "\r\n", 2);
    return used + 2;
}
