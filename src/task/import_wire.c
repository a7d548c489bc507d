/* SPDX-License-Identifier: Apache-2.0 */
#include "task/import_wire.h"

#include "task/dovecot_keywords.h"
#include "task/uidl_format.h"

static void put_hex(struct ph_buf *out, const uint8_t *octets, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ph_buf_byte(out, (uint8_t)digits[octets[i] >> 4]);
        ph_buf_byte(out, (uint8_t)digits[octets[i] & 15]);
    }
}

void ph_import_record_put(struct ph_buf *out, const struct ph_source_message *message, uint64_t octets)
{
    put_hex(out, message->key, sizeof message->key);
    ph_buf_byte(out, ' ');
    put_hex(out, message->digest, sizeof message->digest);
    ph_buf_printf(out, " %llu %llu %lld %lld %u ", (unsigned long long)octets,
                  (unsigned long long)message->uid, (long long)message->internal_date_ms,
                  (long long)message->save_date_ms, message->kept.flags);
    ph_buf_str(out, message->kept.uidl.len > 0 ? "=" : "-");
    ph_buf_bytes(out, message->kept.uidl);
    if (message->kept.keywords.len > 0) {
        ph_buf_byte(out, ' ');
        ph_buf_bytes(out, message->kept.keywords);
    }
    ph_buf_byte(out, '\n');
}

static bool take_hex(struct ph_bytes *rest, uint8_t *out, size_t len)
{
    struct ph_bytes word = ph_bytes_next_word(rest);
    bool is_hex = word.len == 2 * len;
    for (size_t i = 0; is_hex && i < word.len; i++) {
        char c = (char)word.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        is_hex = is_digit || (c >= 'a' && c <= 'f');
        uint8_t value = (uint8_t)(is_digit ? c - '0' : c - 'a' + 10);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return is_hex;
}

static bool take_number(struct ph_bytes *rest, uint64_t max, uint64_t *out_number)
{
    return ph_bytes_to_u64(ph_bytes_next_word(rest), out_number) && *out_number <= max;
}

static bool take_date(struct ph_bytes *rest, int64_t *out_ms)
{
    struct ph_bytes word = ph_bytes_next_word(rest);
    bool is_negative = word.len > 0 && word.ptr[0] == '-';
    uint64_t number;
    if (!ph_bytes_to_u64(ph_bytes_from(word, is_negative ? 1 : 0), &number) || number > INT64_MAX) {
        return false;
    }
    *out_ms = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool take_uidl(struct ph_bytes *rest, struct ph_bytes *out_uidl)
{
    struct ph_bytes word = ph_bytes_next_word(rest);
    if (ph_bytes_eq(word, PH_BYTES("-"))) {
        *out_uidl = (struct ph_bytes){0};
        return true;
    }
    *out_uidl = ph_bytes_from(word, 1);
    return word.len > 1 && word.ptr[0] == '=' && ph_uidl_is_valid(*out_uidl);
}

static bool are_keywords(struct ph_bytes rest)
{
    if (rest.len > PH_KEYWORDS_BYTES_MAX) {
        return false;
    }
    while (rest.len > 0) {
        if (!ph_keyword_is_valid(ph_bytes_next_word(&rest))) {
            return false;
        }
    }
    return true;
}

int ph_import_record_parse(struct ph_bytes line, struct ph_import_record *out, struct ph_error *err)
{
    enum { ALL_FLAGS = 63 };
    uint64_t flags = 0;
    *out = (struct ph_import_record){0};
    bool is_right =
        take_hex(&line, out->key, sizeof out->key) && take_hex(&line, out->digest, sizeof out->digest) &&
        take_number(&line, INT64_MAX, &out->octets) && take_number(&line, UINT32_MAX, &out->uid) &&
        take_date(&line, &out->internal_date_ms) && take_date(&line, &out->save_date_ms) &&
        take_number(&line, ALL_FLAGS, &flags) && take_uidl(&line, &out->kept.uidl) && are_keywords(line);
    out->kept.flags = (unsigned)flags;
    out->kept.keywords = line;
    return is_right ? PH_OK : ph_fail(err, PH_EINVALID, "a line about a message that makes no sense");
}
