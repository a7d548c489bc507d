/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/transfer.h"

bool ph_transfer_init(struct ph_transfer *transfer, struct ph_bytes encoding)
{
    *transfer = (struct ph_transfer){.kind = PH_TRANSFER_IDENTITY};
    if (ph_bytes_ieq(encoding, PH_BYTES("base64"))) {
        transfer->kind = PH_TRANSFER_BASE64;
    } else if (ph_bytes_ieq(encoding, PH_BYTES("quoted-printable"))) {
        transfer->kind = PH_TRANSFER_QUOTED_PRINTABLE;
    } else {
        return encoding.len == 0 || ph_bytes_ieq(encoding, PH_BYTES("7bit")) ||
               ph_bytes_ieq(encoding, PH_BYTES("8bit")) || ph_bytes_ieq(encoding, PH_BYTES("binary"));
    }
    return true;
}

/* ---- Base64 ---- */

enum { ENDS = 64, IGNORED = 65, FAULT = 66 };

/* The six bits of an octet, or what else it is. */
static unsigned value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26U;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52U;
    }
    switch (c) {
    case '+': return 62;
    case '/': return 63;
    case '=': return ENDS;
    case '\r':
    case '\n':
    case ' ':
    case '\t': return IGNORED;
    default: return FAULT;
    }
}

/* What is left of a quantum that is not whole. */
static void flush_base64(struct ph_transfer *transfer, struct ph_buf *out)
{
    if (transfer->count >= 2) {
        ph_buf_byte(out, (uint8_t)(transfer->bits >> (transfer->count == 2 ? 4 : 10)));
    }
    if (transfer->count == 3) {
        ph_buf_byte(out, (uint8_t)(transfer->bits >> 2));
    }
    transfer->has_faults = transfer->has_faults || transfer->count == 1;
    transfer->count = 0;
    transfer->bits = 0;
}

/* Behind the padding there may be another text: some programs join encoded pieces. */
static void feed_base64(struct ph_transfer *transfer, struct ph_bytes in, struct ph_buf *out)
{
    for (size_t at = 0; at < in.len; at++) {
        unsigned value = value_of(in.ptr[at]);
        if (value < ENDS) {
            transfer->bits = transfer->bits << 6 | value;
            if (++transfer->count == 4) {
                uint8_t octets[3] = {(uint8_t)(transfer->bits >> 16), (uint8_t)(transfer->bits >> 8),
                                     (uint8_t)transfer->bits};
                ph_buf_append(out, octets, sizeof octets);
                transfer->count = 0;
                transfer->bits = 0;
            }
        } else if (value == ENDS) {
            flush_base64(transfer, out);
        } else if (value == FAULT) {
            transfer->has_faults = true;
        }
    }
}

/* ---- Quoted-printable ---- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = ph_ascii_lower((char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What was held back is no more than text. */
static void release(struct ph_transfer *transfer, struct ph_buf *out)
{
    ph_buf_append(out, transfer->held, transfer->count);
    transfer->count = 0;
}

/* Held are the blanks that may end a line, or "=" with what is behind it. */
static void feed_held(struct ph_transfer *transfer, uint8_t c, struct ph_buf *out)
{
    bool is_blank = c == ' ' || c == '\t';
    if (transfer->held[0] != '=') {
        if (is_blank && transfer->count < sizeof transfer->held) {
            transfer->held[transfer->count++] = c;
            return;
        }
        if (c == '\n' || c == '\r') {
            transfer->count = 0;
        } else {
            release(transfer, out);
        }
        ph_transfer_feed(transfer, ph_bytes_of(&c, 1), out);
        return;
    }
    uint8_t last = transfer->held[transfer->count - 1];
    int high = transfer->count == 2 ? hex_value(last) : -1;
    if (c == '\n' && (transfer->count == 1 || last == ' ' || last == '\t' || last == '\r')) {
        transfer->count = 0; /* a soft line break */
    } else if (high >= 0 && hex_value(c) >= 0) {
        ph_buf_byte(out, (uint8_t)(high * 16 + hex_value(c)));
        transfer->count = 0;
    } else if (high < 0 && transfer->count < sizeof transfer->held &&
               (transfer->count == 1 ? hex_value(c) >= 0 || is_blank || c == '\r' : is_blank || c == '\r')) {
        transfer->held[transfer->count++] = c;
    } else {
        transfer->has_faults = true;
        release(transfer, out);
        ph_transfer_feed(transfer, ph_bytes_of(&c, 1), out);
    }
}

static void feed_quoted_printable(struct ph_transfer *transfer, struct ph_bytes in, struct ph_buf *out)
{
    size_t at = 0;
    while (at < in.len) {
        if (transfer->count > 0) {
            feed_held(transfer, in.ptr[at++], out);
            continue;
        }
        size_t from = at;
        while (at < in.len && in.ptr[at] != '=' && in.ptr[at] != ' ' && in.ptr[at] != '\t') {
            at++;
        }
        ph_buf_append(out, in.ptr + from, at - from);
        if (at < in.len) {
            transfer->held[transfer->count++] = in.ptr[at++];
        }
    }
}

void ph_transfer_feed(struct ph_transfer *transfer, struct ph_bytes in, struct ph_buf *out)
{
    switch (transfer->kind) {
    case PH_TRANSFER_IDENTITY: ph_buf_bytes(out, in); break;
    case PH_TRANSFER_BASE64: feed_base64(transfer, in, out); break;
    case PH_TRANSFER_QUOTED_PRINTABLE: feed_quoted_printable(transfer, in, out); break;
    }
}

void ph_transfer_finish(struct ph_transfer *transfer, struct ph_buf *out)
{
    if (transfer->kind == PH_TRANSFER_BASE64) {
        flush_base64(transfer, out);
    } else if (transfer->kind == PH_TRANSFER_QUOTED_PRINTABLE) {
        /* "=" at the very end is a soft line break, blanks there are none of the text (RFC 2045 section 6.7). */
        bool is_soft = transfer->count == 1 || (transfer->count > 1 && hex_value(transfer->held[1]) < 0);
        if (transfer->count > 0 && transfer->held[0] == '=' && !is_soft) {
            transfer->has_faults = true;
            release(transfer, out);
        }
    }
    transfer->count = 0;
}
