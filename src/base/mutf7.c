/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mutf7.h"

#include "base/utf8.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int value_of(uint8_t c)
{
    const char *at = c == '\0' ? NULL : strchr(ALPHABET, c);
    return at == NULL ? -1 : (int)(at - ALPHABET);
}

static void put_utf8(struct ph_buf *out, uint32_t code)
{
    if (code < 0x80) {
        ph_buf_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        ph_buf_byte(out, (uint8_t)(0xC0 | code >> 6));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        ph_buf_byte(out, (uint8_t)(0xE0 | code >> 12));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else {
        ph_buf_byte(out, (uint8_t)(0xF0 | code >> 18));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    }
}

/* ---- Decoding ---- */

static bool put_unit(struct ph_buf *out, uint32_t unit, uint32_t *high)
{
    bool is_high = unit >= 0xD800 && unit < 0xDC00;
    bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (*high != 0) {
        if (!is_low) {
            return false;
        }
        put_utf8(out, 0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00));
        *high = 0;
        return true;
    }
    if (is_high) {
        *high = unit;
        return true;
    }
    if (is_low || unit < 0x20 || unit == 0x7F) {
        return false;
    }
    put_utf8(out, unit);
    return true;
}

/* RUN is what stands between '&' and '-'. */
static bool decode_run(struct ph_bytes run, struct ph_buf *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    uint32_t high = 0;
    for (size_t i = 0; i < run.len; i++) {
        int value = value_of(run.ptr[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 16) {
            bit_count -= 16;
            if (!put_unit(out, bits >> bit_count & 0xFFFF, &high)) {
                return false;
            }
        }
    }
    return high == 0 && bit_count < 6 && (bits & ((1U << bit_count) - 1)) == 0;
}

static bool has_octet(struct ph_bytes name, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] >= from && name.ptr[i] <= to) {
            return true;
        }
    }
    return false;
}

int ph_mutf7_decode(struct ph_bytes name, struct ph_buf *out, struct ph_error *err)
{
    if (has_octet(name, 0, 0x1F) || has_octet(name, 0x7F, 0x7F)) {
        return ph_fail(err, PH_EINVALID, "a control character");
    }
    if (has_octet(name, 0x80, 0xFF)) {
        if (!ph_utf8_is_valid(name)) {
            return ph_fail(err, PH_EINVALID, "neither modified UTF-7 nor UTF-8");
        }
        ph_buf_bytes(out, name);
        return PH_OK;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '&') {
            ph_buf_byte(out, name.ptr[i]);
            continue;
        }
        struct ph_bytes rest = ph_bytes_from(name, i + 1);
        size_t len = ph_bytes_find(rest, '-');
        if (len == rest.len || (len > 0 && !decode_run(ph_bytes_first(rest, len), out))) {
            return ph_fail(err, PH_EINVALID, "not modified UTF-7");
        }
        if (len == 0) {
            ph_buf_byte(out, '&');
        }
        i += len + 1;
    }
    return PH_OK;
}

/* ---- Encoding ---- */

struct run {
    uint32_t bits;
    unsigned bit_count;
    bool is_open;
};

static void put_sextets(struct run *run, struct ph_buf *out)
{
    while (run->bit_count >= 6) {
        run->bit_count -= 6;
        ph_buf_byte(out, (uint8_t)ALPHABET[run->bits >> run->bit_count & 0x3F]);
    }
}

static void encode_unit(struct run *run, uint32_t unit, struct ph_buf *out)
{
    if (!run->is_open) {
        ph_buf_byte(out, '&');
        *run = (struct run){.is_open = true};
    }
    run->bits = run->bits << 16 | unit;
    run->bit_count += 16;
    put_sextets(run, out);
}

static void close_run(struct run *run, struct ph_buf *out)
{
    if (run->is_open) {
        if (run->bit_count > 0) {
            run->bits <<= 6 - run->bit_count;
            run->bit_count = 6;
            put_sextets(run, out);
        }
        ph_buf_byte(out, '-');
        run->is_open = false;
    }
}

static void encode(struct ph_bytes name, bool is_file, struct ph_buf *out)
{
    struct run run = {0};
    while (name.len > 0) {
        uint32_t code;
        (void)ph_utf8_next(&name, &code);
        bool is_plain = code >= 0x20 && code < 0x7F && !(is_file && code == '/');
        if (is_plain) {
            close_run(&run, out);
            ph_buf_byte(out, (uint8_t)code);
            if (code == '&') {
                ph_buf_byte(out, '-');
            }
        } else if (code >= 0x10000) {
            encode_unit(&run, 0xD800 + ((code - 0x10000) >> 10), out);
            encode_unit(&run, 0xDC00 + ((code - 0x10000) & 0x3FF), out);
        } else {
            encode_unit(&run, code, out);
        }
    }
    close_run(&run, out);
}

void ph_mutf7_encode(struct ph_bytes name, struct ph_buf *out)
{
    encode(name, false, out);
}

void ph_mutf7_encode_file(struct ph_bytes name, struct ph_buf *out)
{
    encode(name, true, out);
}
