/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/name.h"

#include "base/utf8.h"

static bool has_control(struct ph_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        bool is_c1 = name.ptr[i] == 0xC2 && i + 1 < name.len && name.ptr[i + 1] < 0xA0; /* U+0080 to U+009F */
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7F || is_c1) {
            return true;
        }
    }
    return false;
}

static bool has_empty_level(struct ph_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        bool is_delimiter = name.ptr[i] == PH_MAILBOX_DELIMITER;
        if (is_delimiter && (i == 0 || i + 1 == name.len || name.ptr[i + 1] == PH_MAILBOX_DELIMITER)) {
            return true;
        }
    }
    return false;
}

bool ph_mailbox_name_is_inbox(struct ph_bytes canonical)
{
    return ph_bytes_eq(canonical, PH_BYTES("INBOX"));
}

int ph_mailbox_name_canonical(struct ph_bytes name, struct ph_arena *arena, struct ph_bytes *out_name,
                              struct ph_error *err)
{
    if (name.len == 0) {
        return ph_fail(err, PH_EINVALID, "a mailbox name may not be empty");
    }
    if (name.len > PH_MAILBOX_NAME_MAX) {
        return ph_fail(err, PH_EINVALID, "a mailbox name may have %d octets, this has %zu",
                       PH_MAILBOX_NAME_MAX, name.len);
    }
    if (!ph_utf8_is_valid(name)) {
        return ph_fail(err, PH_EINVALID, "a mailbox name must be UTF-8");
    }
    if (has_control(name)) {
        return ph_fail(err, PH_EINVALID, "a mailbox name may not have control characters");
    }
    if (has_empty_level(name)) {
        return ph_fail(err, PH_EINVALID, "a level of a mailbox name may not be empty");
    }
    static const struct ph_bytes inbox = {(const uint8_t *)"INBOX", 5};
    bool is_level =
        name.len == inbox.len || name.ptr[inbox.len < name.len ? inbox.len : 0] == PH_MAILBOX_DELIMITER;
    char *copy = ph_arena_strdup(arena, name);
    if (is_level && ph_bytes_istarts(name, inbox)) {
        memcpy(copy, inbox.ptr, inbox.len);
    }
    *out_name = ph_bytes_of(copy, name.len);
    return PH_OK;
}
