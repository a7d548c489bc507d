/* SPDX-License-Identifier: Apache-2.0 */
#include "task/maildir_name.h"

#include "store/message_row.h"

/* In ASCII order. */
static const struct {
    char letter;
    enum ph_flag flag;
} letters[] = {
    {'D', PH_FLAG_DRAFT}, {'F', PH_FLAG_FLAGGED}, {'R', PH_FLAG_ANSWERED},
    {'S', PH_FLAG_SEEN},  {'T', PH_FLAG_DELETED},
};
enum { LETTER_COUNT = sizeof letters / sizeof letters[0] };

/* Some servers put extensions behind another comma. */
static void parse_info(struct ph_bytes info, struct ph_maildir_name *name)
{
    for (size_t i = 0; i < info.len && info.ptr[i] != ','; i++) {
        char c = (char)info.ptr[i];
        if (c >= 'a' && c <= 'z') {
            name->keywords |= 1U << (c - 'a');
        }
        name->is_passed = name->is_passed || c == 'P';
        for (unsigned k = 0; k < LETTER_COUNT; k++) {
            name->flags |= letters[k].letter == c ? letters[k].flag : 0U;
        }
    }
}

bool ph_maildir_name_parse(struct ph_bytes name, struct ph_maildir_name *out_name)
{
    *out_name = (struct ph_maildir_name){0};
    if (name.len == 0 || name.len > PH_MAILDIR_NAME_MAX || name.ptr[0] == '.') {
        return false;
    }
    size_t colon = ph_bytes_find(name, ':');
    out_name->base = ph_bytes_first(name, colon);
    struct ph_bytes info = ph_bytes_from(name, colon + 1);
    if (ph_bytes_starts(info, PH_BYTES("2,"))) {
        parse_info(ph_bytes_from(info, 2), out_name);
    }
    uint64_t seconds;
    struct ph_bytes front = ph_bytes_first(name, ph_bytes_find(name, '.'));
    /* From 2001 on, and with ten digits: other numbers at the front are not times. */
    if (front.len == 10 && ph_bytes_to_u64(front, &seconds)) {
        out_name->delivered_s = seconds;
    }
    return out_name->base.len > 0;
}

void ph_maildir_name_put_info(struct ph_buf *out, unsigned flags, uint32_t keywords)
{
    ph_buf_str(out, ":2,");
    for (unsigned i = 0; i < LETTER_COUNT; i++) {
        if ((flags & letters[i].flag) != 0) {
            ph_buf_byte(out, (uint8_t)letters[i].letter);
        }
    }
    for (unsigned i = 0; i < PH_MAILDIR_KEYWORDS; i++) {
        if ((keywords & 1U << i) != 0) {
            ph_buf_byte(out, (uint8_t)('a' + i));
        }
    }
}
