/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/lines.h"

/* Both compilers turn these into the vector instructions that the machine has. */
typedef uint8_t vector __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

enum { WIDTH = sizeof(vector), ROUNDS_MAX = 255 /* what an octet counts to */ };

static vector load(const uint8_t *from)
{
    vector value;
    memcpy(&value, from, sizeof value);
    return value;
}

static uint64_t sum(vector counts)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < WIDTH; i++) {
        total += counts[i];
    }
    return total;
}

uint64_t ph_lines_count(struct ph_bytes text)
{
    uint64_t total = 0;
    size_t at = 0;
    while (text.len - at >= WIDTH) {
        vector counts = {0};
        for (unsigned round = 0; round < ROUNDS_MAX && text.len - at >= WIDTH; round++, at += WIDTH) {
            counts -= (vector)(load(text.ptr + at) == '\n');
        }
        total += sum(counts);
    }
    for (; at < text.len; at++) {
        total += text.ptr[at] == '\n' ? 1 : 0;
    }
    return total;
}

/* Whether "--" is at AT, or what is there of it. */
static bool may_be_dashes(struct ph_bytes text, size_t at)
{
    return text.ptr[at] == '-' && (at + 1 == text.len || text.ptr[at + 1] == '-');
}

size_t ph_lines_to_dashes(struct ph_bytes text, uint64_t *count)
{
    size_t at = 0;
    bool is_near = false;
    while (text.len - at > WIDTH + 1 && !is_near) {
        vector counts = {0};
        for (unsigned round = 0; round < ROUNDS_MAX && text.len - at > WIDTH + 1; round++, at += WIDTH) {
            vector ends = (vector)(load(text.ptr + at) == '\n');
            vector dashes =
                (vector)(load(text.ptr + at + 1) == '-') & (vector)(load(text.ptr + at + 2) == '-');
            halves found = (halves)(ends & dashes);
            is_near = (found[0] | found[1]) != 0;
            if (is_near) {
                break;
            }
            counts -= ends;
        }
        *count += sum(counts);
    }
    while (at < text.len) {
        if (text.ptr[at++] == '\n') {
            ++*count;
            if (at < text.len && may_be_dashes(text, at)) {
                break;
            }
        }
    }
    return at;
}
