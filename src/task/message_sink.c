/* SPDX-License-Identifier: Apache-2.0 */
#include "task/message_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { PIECE_BYTES = 65536 };

/* These fail for want of memory only. */
static void must(int ok)
{
    if (ok != 1) {
        abort();
    }
}

void ph_message_sink_init(struct ph_message_sink *sink, const char *spool_directory, size_t memory_max,
                          uint64_t message_max)
{
    *sink = (struct ph_message_sink){.lines = PH_BUF((size_t)2 * PIECE_BYTES)};
    ph_spool_init(&sink->spool, spool_directory, memory_max, message_max);
    sink->digest = EVP_MD_CTX_new();
    must(sink->digest != NULL);
}

void ph_message_sink_fini(struct ph_message_sink *sink)
{
    ph_spool_fini(&sink->spool);
    ph_buf_fini(&sink->lines);
    EVP_MD_CTX_free(sink->digest);
    sink->digest = NULL;
}

void ph_message_sink_begin(struct ph_message_sink *sink)
{
    ph_spool_clear(&sink->spool);
    sink->newline = (struct ph_newline){0};
    must(EVP_DigestInit_ex(sink->digest, EVP_sha256(), NULL));
}

int ph_message_sink_write(struct ph_message_sink *sink, struct ph_bytes octets, struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK && octets.len > 0) {
        struct ph_bytes piece = ph_bytes_first(octets, PIECE_BYTES);
        octets = ph_bytes_from(octets, piece.len);
        ph_buf_clear(&sink->lines);
        ph_newline_convert(&sink->newline, piece, &sink->lines);
        must(EVP_DigestUpdate(sink->digest, sink->lines.ptr, sink->lines.len));
        result = ph_spool_write(&sink->spool, ph_buf_view(&sink->lines), err);
    }
    return result;
}

void ph_message_sink_end(struct ph_message_sink *sink, uint8_t out_digest[PH_DIGEST_BYTES])
{
    must(EVP_DigestFinal_ex(sink->digest, out_digest, NULL));
}

int ph_message_sink_file(struct ph_message_sink *sink, int fd, uint8_t out_digest[PH_DIGEST_BYTES],
                         struct ph_error *err)
{
    uint8_t piece[PIECE_BYTES];
    int result = PH_OK;
    ph_message_sink_begin(sink);
    while (result == PH_OK) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            result = ph_message_sink_write(sink, ph_bytes_of(piece, (size_t)got), err);
        } else if (errno != EINTR) {
            result = ph_fail_errno(err, PH_ECORRUPT, errno, "it cannot be read");
        }
    }
    ph_message_sink_end(sink, out_digest);
    return result;
}

void ph_import_key(const char *format, struct ph_bytes name, const uint8_t digest[PH_DIGEST_BYTES],
                   uint8_t out_key[PH_DIGEST_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context != NULL);
    must(EVP_DigestInit_ex(context, EVP_sha256(), NULL));
    must(EVP_DigestUpdate(context, format, strlen(format) + 1));
    must(EVP_DigestUpdate(context, name.ptr, name.len));
    must(EVP_DigestUpdate(context, "", 1));
    must(EVP_DigestUpdate(context, digest, PH_DIGEST_BYTES));
    must(EVP_DigestFinal_ex(context, out_key, NULL));
    EVP_MD_CTX_free(context);
}
