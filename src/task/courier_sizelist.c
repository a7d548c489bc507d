/* SPDX-License-Identifier: Apache-2.0 */
#include "task/courier_sizelist.h"

#include <stdio.h>

static const size_t UIDL_MAX = 70;

int ph_courier_sizelist_begin(struct ph_courier_sizelist *list, struct ph_bytes text, struct ph_error *err)
{
    size_t end = ph_bytes_find(text, '\n');
    struct ph_bytes line = ph_bytes_first(text, end);
    struct ph_bytes version = ph_bytes_next_word(&line);
    *list = (struct ph_courier_sizelist){.rest = ph_bytes_from(text, end + 1)};
    if (!ph_bytes_eq(version, PH_BYTES("/2")) && !ph_bytes_eq(version, PH_BYTES("/3"))) {
        return ph_fail(err, PH_EINVALID, "the first line is of neither version 2 nor version 3");
    }
    return PH_OK;
}

/* As Courier prints a name that is the UIDL. */
static void put_escaped(struct ph_bytes base, struct ph_buf *out)
{
    for (size_t i = 0; i < base.len; i++) {
        uint8_t c = base.ptr[i];
        if (c < 0x21 || c > 0x7E || c == '\'' || c == '"' || c == '+') {
            ph_buf_printf(out, "+%02X", (unsigned)c);
        } else {
            ph_buf_byte(out, c);
        }
    }
}

/* The last word off *LINE. */
static struct ph_bytes last_word(struct ph_bytes *line)
{
    size_t at = line->len;
    while (at > 0 && line->ptr[at - 1] != ' ') {
        at--;
    }
    struct ph_bytes word = ph_bytes_from(*line, at);
    line->len = at > 0 ? at - 1 : 0;
    return word;
}

static bool parse_numbers(struct ph_bytes word, uint64_t *out_number, uint64_t *out_uid_validity)
{
    size_t colon = ph_bytes_find(word, ':');
    struct ph_bytes second = ph_bytes_from(word, colon + 1);
    second = ph_bytes_first(second, ph_bytes_find(second, ':'));
    return ph_bytes_to_u64(ph_bytes_first(word, colon), out_number) &&
           ph_bytes_to_u64(second, out_uid_validity);
}

static bool parse_entry(struct ph_bytes line, struct ph_courier_entry *entry)
{
    uint64_t number;
    uint64_t uid_validity;
    uint64_t size;
    if (!parse_numbers(last_word(&line), &number, &uid_validity) ||
        !ph_bytes_to_u64(last_word(&line), &size)) {
        return false;
    }
    *entry = (struct ph_courier_entry){.base = ph_bytes_first(line, ph_bytes_find(line, ':'))};
    if (entry->base.len == 0) {
        return false;
    }
    if (number != 0) {
        snprintf(entry->uidl, sizeof entry->uidl, uid_validity == 0 ? "UID%llu" : "UID%llu-%llu",
                 (unsigned long long)number, (unsigned long long)uid_validity);
        return true;
    }
    struct ph_buf text = PH_BUF(UIDL_MAX);
    put_escaped(entry->base, &text);
    if (!text.has_overflowed) {
        memcpy(entry->uidl, text.ptr, text.len);
    }
    ph_buf_fini(&text);
    return true;
}

bool ph_courier_sizelist_next(struct ph_courier_sizelist *list, struct ph_courier_entry *out_entry)
{
    while (list->rest.len > 0) {
        size_t end = ph_bytes_find(list->rest, '\n');
        struct ph_bytes line = ph_bytes_first(list->rest, end);
        list->rest = ph_bytes_from(list->rest, end + 1);
        if (line.len > 0 && parse_entry(line, out_entry)) {
            return true;
        }
        list->broken += line.len > 0 ? 1 : 0;
    }
    return false;
}
