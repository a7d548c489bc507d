/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message on its way from a source: lines made CRLF, kept in a spool, and its SHA-256.
 *
 * Life: init; then for each message begin, write, end; fini. Threads: one.
 */
#ifndef PH_TASK_MESSAGE_SINK_H
#define PH_TASK_MESSAGE_SINK_H

#include "blob/spool.h"
#include "delivery/newline.h"

enum { PH_DIGEST_BYTES = 32 };

struct ph_message_sink {
    struct ph_spool spool;
    struct ph_newline newline;
    struct ph_buf lines;
    struct evp_md_ctx_st *digest;
};

void ph_message_sink_init(struct ph_message_sink *sink, const char *spool_directory, size_t memory_max,
                          uint64_t message_max);
void ph_message_sink_fini(struct ph_message_sink *sink);

void ph_message_sink_begin(struct ph_message_sink *sink);
/* PH_ELIMIT: larger than a message may be. */
int ph_message_sink_write(struct ph_message_sink *sink, struct ph_bytes octets,
                          struct ph_error *err) PH_MUST_USE;
void ph_message_sink_end(struct ph_message_sink *sink, uint8_t out_digest[PH_DIGEST_BYTES]);
/* A whole file. PH_ECORRUPT: it cannot be read. */
int ph_message_sink_file(struct ph_message_sink *sink, int fd, uint8_t out_digest[PH_DIGEST_BYTES],
                         struct ph_error *err) PH_MUST_USE;

/* The name of a message in a source, as store/import_state.h wants it: a hash over the format, its name there and
 * the digest of its octets. */
void ph_import_key(const char *format, struct ph_bytes name, const uint8_t digest[PH_DIGEST_BYTES],
                   uint8_t out_key[PH_DIGEST_BYTES]);

#endif
