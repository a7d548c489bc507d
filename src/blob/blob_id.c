/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that is a TimeUUID as we write it becomes one, so that a name has one form whatever the column it came from.
 */
#include "blob/blob_id.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { COPIES_AT = PH_UUID_TEXT_LEN + 1, COPIES_DIGITS_MAX = 5 };

struct ph_blob_id ph_blob_id_shared(const struct ph_uuid *uuid, uint16_t copies)
{
    assert(copies >= 1);
    struct ph_blob_id id = ph_blob_id_of(uuid);
    if (copies > 1) {
        char text[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(uuid, text);
        id.copies = copies;
        id.text_len = (uint8_t)snprintf(id.text, sizeof id.text, "%s+%u", text, copies);
    }
    return id;
}

/* The number that ends `UUID+COUNT`; 0 where it is none of ours. */
static uint16_t parse_copies(struct ph_bytes digits)
{
    uint32_t copies = 0;
    if (digits.len == 0 || digits.len > COPIES_DIGITS_MAX || digits.ptr[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return 0;
        }
        copies = copies * 10 + (uint32_t)(digits.ptr[i] - '0');
    }
    return copies > 1 && copies <= UINT16_MAX ? (uint16_t)copies : 0;
}

/* Whether TEXT is UUID's lower-case form. */
static bool is_canonical(struct ph_bytes text, const struct ph_uuid *uuid)
{
    char canonical[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(uuid, canonical);
    return memcmp(text.ptr, canonical, PH_UUID_TEXT_LEN) == 0;
}

int ph_blob_id_parse(struct ph_bytes text, struct ph_blob_id *out_id)
{
    if (text.len == 0 || text.len > PH_BLOB_ID_TEXT_MAX) {
        return PH_EINVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '!' || text.ptr[i] > '~') {
            return PH_EINVALID;
        }
    }
    struct ph_uuid uuid;
    if (text.len >= PH_UUID_TEXT_LEN &&
        ph_uuid_parse(ph_bytes_first(text, PH_UUID_TEXT_LEN), &uuid) == PH_OK && ph_uuid_is_time(&uuid) &&
        is_canonical(text, &uuid)) {
        if (text.len == PH_UUID_TEXT_LEN) {
            *out_id = ph_blob_id_of(&uuid);
            return PH_OK;
        }
        uint16_t copies =
            text.ptr[PH_UUID_TEXT_LEN] == '+' ? parse_copies(ph_bytes_from(text, COPIES_AT)) : 0;
        if (copies > 1) {
            *out_id = ph_blob_id_shared(&uuid, copies);
            return PH_OK;
        }
    }
    *out_id = (struct ph_blob_id){.text_len = (uint8_t)text.len};
    memcpy(out_id->text, text.ptr, text.len);
    return PH_OK;
}

struct ph_bytes ph_blob_id_format(const struct ph_blob_id *id, char out_text[PH_BLOB_ID_TEXT_MAX + 1])
{
    size_t len = id->text_len;
    if (len == 0) {
        ph_uuid_format(&id->uuid, out_text);
        len = PH_UUID_TEXT_LEN;
    } else {
        memcpy(out_text, id->text, len);
        out_text[len] = '\0';
    }
    return ph_bytes_of(out_text, len);
}

bool ph_blob_id_eq(const struct ph_blob_id *a, const struct ph_blob_id *b)
{
    return a->text_len == b->text_len &&
           (a->text_len == 0 ? ph_uuid_eq(&a->uuid, &b->uuid) : memcmp(a->text, b->text, a->text_len) == 0);
}

bool ph_row_blob_id(const struct ph_rows *rows, unsigned column, struct ph_blob_id *out_id)
{
    struct ph_uuid uuid;
    if (ph_row_uuid(rows, column, &uuid)) {
        *out_id = ph_blob_id_of(&uuid);
        return true;
    }
    struct ph_bytes text;
    return ph_row_bytes(rows, column, &text) && ph_blob_id_parse(text, out_id) == PH_OK;
}
