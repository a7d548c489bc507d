/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a blob. Ours are TimeUUIDs, kept as sixteen octets where a column can; those that Apache James gave are
 * texts (a hash with a generation, or a random UUID), kept as they are.
 *
 * A blob that several messages share may say so in its name: `UUID+COUNT`. Each of them carries that name, so that
 * whoever takes one of them away knows of the others without a read, and without waiting for news of them from
 * another datacenter.
 */
#ifndef PH_BLOB_BLOB_ID_H
#define PH_BLOB_BLOB_ID_H

#include "db/db.h"

enum { PH_BLOB_ID_TEXT_MAX = 120 };

struct ph_blob_id {
    struct ph_uuid uuid; /* where has_uuid */
    uint16_t copies;     /* messages that share it; 0: one, or not known */
    bool has_uuid;       /* the name is a TimeUUID, or begins with one and says how many share it */
    uint8_t text_len;    /* 0: the UUID is the whole name */
    char text[PH_BLOB_ID_TEXT_MAX];
};

static inline struct ph_blob_id ph_blob_id_of(const struct ph_uuid *uuid)
{
    return (struct ph_blob_id){.uuid = *uuid, .has_uuid = true};
}

/* Of a blob that COPIES messages share. COPIES from 1 on; 1 is ph_blob_id_of. */
struct ph_blob_id ph_blob_id_shared(const struct ph_uuid *uuid, uint16_t copies);

/* PH_EINVALID: empty, longer than PH_BLOB_ID_TEXT_MAX, or with octets other than those from '!' to '~'. */
int ph_blob_id_parse(struct ph_bytes text, struct ph_blob_id *out_id) PH_MUST_USE;
/* With its NUL; the result is a view of OUT_TEXT without it. */
struct ph_bytes ph_blob_id_format(const struct ph_blob_id *id, char out_text[PH_BLOB_ID_TEXT_MAX + 1]);
bool ph_blob_id_eq(const struct ph_blob_id *a, const struct ph_blob_id *b);

/* Borrows ID. */
static inline struct ph_value ph_blob_id_value(const struct ph_blob_id *id)
{
    return id->text_len == 0 ? ph_uuid_value(&id->uuid) : ph_text(ph_bytes_of(id->text, id->text_len));
}
/* Of a column that holds octets or text. False for NULL or for what cannot be a name. */
bool ph_row_blob_id(const struct ph_rows *rows, unsigned column, struct ph_blob_id *out_id);

#endif
