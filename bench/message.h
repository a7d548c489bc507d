/* SPDX-License-Identifier: Apache-2.0 */
/* Mail for the load: about as compressible as mail is, and the same in every run. */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_MAX_BYTES = 128 * 1024 };

/* xorshift64; STATE is not 0. */
uint32_t next_random(uint64_t *state, uint32_t below);

/* A message to user USER@DOMAIN of about SIZE octets, 0 for a mix of 1 to 18 KiB (mean 4.9); it ends with CRLF and has
 * no line that begins with a dot. OUT has MESSAGE_MAX_BYTES and room for a line. Returns its octets. */
size_t make_message(uint64_t *random, size_t size, const char *user, char *out_text);

#endif
