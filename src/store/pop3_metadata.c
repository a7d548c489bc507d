/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pop3_metadata.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

enum { FIRST_CAPACITY = 32 };

static const size_t TEXT_BYTES_MAX = UINT32_MAX;

void ph_store_pop3_metadata_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_uuid *message_id, uint64_t size)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size));
}

void ph_store_pop3_metadata_add_uidl(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                     const struct ph_uuid *message_id, uint64_t size, struct ph_bytes uidl)
{
    struct ph_uuid id;
    bool is_id = ph_uuid_parse(uidl, &id) == PH_OK;
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT_UIDL, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size), ph_text(uidl),
                is_id ? ph_uuid_value(&id) : ph_null());
}

int ph_store_pop3_metadata_has_uidl(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                    const struct ph_uuid *message_id, bool *out_has_uidl,
                                    struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_METADATA_UIDL_GET, ph_uuid_value(mailbox_id),
                             ph_uuid_value(message_id));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        struct ph_bytes uidl;
        *out_has_uidl = ph_row_bytes(rows, 0, &uidl);
        result = PH_OK;
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "pop3metadata: no such message in this mailbox");
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_pop3_metadata_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id));
}

void ph_store_pop3_metadata_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE_MAILBOX,
                ph_uuid_value(mailbox_id));
}

/* ---- Lists ---- */

/* UIDLs while rows are read; NULL where nobody wants them. */
struct texts {
    struct ph_pop3_uidls *uidls;
    size_t capacity;
    struct ph_buf text;
};

static int note_uidl(struct texts *texts, size_t entry, struct ph_bytes uidl, struct ph_error *err)
{
    struct ph_pop3_uidls *uidls = texts->uidls;
    if (uidls->count == texts->capacity) {
        texts->capacity = texts->capacity == 0 ? FIRST_CAPACITY : texts->capacity * 2;
        uidls->list = ph_realloc(uidls->list, texts->capacity * sizeof *uidls->list);
    }
    uidls->list[uidls->count++] = (struct ph_pop3_uidl){(uint32_t)entry, (uint32_t)texts->text.len};
    ph_buf_bytes(&texts->text, uidl);
    ph_buf_byte(&texts->text, '\0');
    return texts->text.has_overflowed || entry > UINT32_MAX
               ? ph_fail(err, PH_ELIMIT, "pop3metadata: a mailbox with more UIDLs than fit")
               : PH_OK;
}

static int fill(struct ph_rows *rows, size_t max, struct ph_pop3_entry **entries, size_t *count,
                struct texts *texts, struct ph_error *err)
{
    size_t capacity = 0;
    int result = PH_OK;
    while (*count < max && (result = ph_rows_next(rows, err)) == 1) {
        if (*count == capacity) {
            capacity = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
            *entries = ph_realloc(*entries, capacity * sizeof **entries);
        }
        struct ph_pop3_entry *entry = &(*entries)[*count];
        int64_t size;
        if (!ph_row_uuid(rows, 0, &entry->message_id) || !ph_row_i64(rows, 1, &size) || size < 0) {
            return ph_fail(err, PH_ECORRUPT, "pop3metadata: a row without messageId or size");
        }
        entry->size = (uint64_t)size;
        result = PH_OK;
        struct ph_bytes uidl;
        if (texts != NULL && ph_row_bytes(rows, 2, &uidl)) {
            result = note_uidl(texts, *count, uidl, err);
        }
        (*count)++;
        if (result != PH_OK) {
            return result;
        }
    }
    return result;
}

static int list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                struct ph_pop3_entry **out_entries, size_t *out_count, struct texts *texts,
                struct ph_error *err)
{
    struct ph_rows *rows;
    *out_entries = NULL;
    *out_count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    result = fill(rows, max, out_entries, out_count, texts, err);
    ph_rows_end(&rows);
    if (result != PH_OK) {
        free(*out_entries);
        *out_entries = NULL;
        *out_count = 0;
    } else if (*out_count > 0) {
        /* A session keeps it: give back what doubling took too much. */
        *out_entries = ph_realloc(*out_entries, *out_count * sizeof **out_entries);
    }
    return result;
}

int ph_store_pop3_metadata_list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                                struct ph_pop3_entry **out_entries, size_t *out_count, struct ph_error *err)
{
    return list(db, mailbox_id, max, out_entries, out_count, NULL, err);
}

int ph_store_pop3_metadata_list_uidls(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                      struct ph_pop3_entry **out_entries, size_t *out_count,
                                      struct ph_pop3_uidls *out_uidls, struct ph_error *err)
{
    *out_uidls = (struct ph_pop3_uidls){0};
    struct texts texts = {.uidls = out_uidls, .text = PH_BUF(TEXT_BYTES_MAX)};
    int result = list(db, mailbox_id, SIZE_MAX, out_entries, out_count, &texts, err);
    if (result == PH_OK && out_uidls->count > 0) {
        out_uidls->list = ph_realloc(out_uidls->list, out_uidls->count * sizeof *out_uidls->list);
        out_uidls->text = ph_realloc(texts.text.ptr, texts.text.len);
    } else {
        ph_buf_fini(&texts.text);
        ph_pop3_uidls_free(out_uidls);
    }
    return result;
}

void ph_pop3_uidls_free(struct ph_pop3_uidls *uidls)
{
    free(uidls->list);
    free(uidls->text);
    *uidls = (struct ph_pop3_uidls){0};
}

const char *ph_pop3_uidls_find(const struct ph_pop3_uidls *uidls, size_t at)
{
    size_t low = 0;
    size_t high = uidls->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (uidls->list[middle].entry < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < uidls->count && uidls->list[low].entry == at ? uidls->text + uidls->list[low].offset : NULL;
}
