/* SPDX-License-Identifier: Apache-2.0 */
#include "store/imap_uid.h"
#include "store/message.h"
#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"
#include "task/fix_pop3-private.h"

enum { WANTS = 3 };

/* ---- Looking ---- */

struct looking {
    struct ph_fix_pop3_look *looks;
    struct {
        struct ph_fix_pop3_look *look;
        unsigned want;
    } reads[PH_FIX_POP3_BATCH * WANTS];
};

static int take(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    struct looking *looking = ctx;
    struct ph_fix_pop3_look *look = looking->reads[index].look;
    if (looking->reads[index].want == PH_FIX_POP3_WANTS_TRUTH) {
        struct ph_message_row row;
        int result = ph_store_imap_uid_take(rows, &look->message, &look->mailbox, &row, err);
        look->has_truth = result == 1;
        look->has_size = result == 1 && row.has_full_content_octets;
        look->size = look->has_size ? row.full_content_octets : 0;
        return result < 0 ? result : PH_OK;
    }
    bool wants_late = looking->reads[index].want == PH_FIX_POP3_WANTS_LATE;
    uint64_t size = 0;
    int result = ph_store_pop3_size_take(rows, &size, err);
    if (wants_late) {
        look->is_late = result == 1;
    } else {
        look->is_listed = result == 1;
        look->listed_size = size;
    }
    return result < 0 ? result : PH_OK;
}

int ph_fix_pop3_look_at(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_look *looks,
                        size_t count, struct ph_error *err)
{
    struct looking looking = {.looks = looks};
    struct ph_db_read reads[PH_FIX_POP3_BATCH * WANTS];
    struct ph_value params[PH_FIX_POP3_BATCH * WANTS][2];
    size_t reads_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned want = PH_FIX_POP3_WANTS_TRUTH; want <= PH_FIX_POP3_WANTS_LATE; want *= 2) {
            if ((looks[i].wants & want) == 0) {
                continue;
            }
            looking.reads[reads_count].look = &looks[i];
            looking.reads[reads_count].want = want;
            reads[reads_count] =
                want == PH_FIX_POP3_WANTS_TRUTH
                    ? ph_store_imap_uid_read(&looks[i].message, &looks[i].mailbox, params[reads_count])
                    : ph_store_pop3_size_read(want == PH_FIX_POP3_WANTS_LATE, &looks[i].mailbox,
                                              &looks[i].message, params[reads_count]);
            reads_count++;
        }
    }
    return reads_count == 0 ? PH_OK
                            : ph_db_query_each(options->db, reads, reads_count, NULL, take, &looking, err);
}

bool ph_fix_pop3_judge(const struct ph_fix_pop3_look *look, enum ph_fix_pop3_kind *out_kind)
{
    if (!look->has_truth) {
        *out_kind = PH_FIX_POP3_STALE;
        return look->is_listed || look->is_late;
    }
    if (!look->is_listed) {
        *out_kind = PH_FIX_POP3_MISSING;
        return true;
    }
    if (look->has_size && look->size != look->listed_size) {
        *out_kind = PH_FIX_POP3_SIZE;
        return true;
    }
    *out_kind = PH_FIX_POP3_HIDDEN;
    return look->is_below_floor && !look->is_late;
}

/* ---- Mending ---- */

/* Old rows do not say how large they are. */
static int complete_size(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_look *look,
                         struct ph_error *err)
{
    if (look->has_size || !look->has_truth) {
        return PH_OK;
    }
    struct ph_message_row row = {.message_id = look->message, .mailbox_id = look->mailbox};
    int result = ph_store_message_complete(options->db, &row, err);
    if (result == PH_OK && row.has_full_content_octets) {
        look->has_size = true;
        look->size = row.full_content_octets;
    }
    return result == PH_ENOTFOUND ? PH_OK : result;
}

static void plan_fix(const struct ph_fix_pop3_options *options, const struct ph_fix_pop3_look *look,
                     enum ph_fix_pop3_kind kind, struct ph_plan *plan)
{
    const struct ph_uuid *mailbox = &look->mailbox;
    const struct ph_uuid *message = &look->message;
    const struct ph_bytes no_uidl = {NULL, 0};
    if (kind == PH_FIX_POP3_STALE) {
        ph_store_pop3_metadata_remove(plan, mailbox, message);
        if (options->keeps_floors) {
            ph_store_pop3_late_remove(plan, mailbox, message);
        }
        return;
    }
    if (kind != PH_FIX_POP3_HIDDEN) {
        ph_store_pop3_metadata_add_again(plan, mailbox, message, look->size);
    }
    /* What is added when it is old may lie below the floor, or whoever raises it may not see it come. */
    int64_t now_ms = (int64_t)(ph_real_us(options->clock) / 1000);
    bool is_old = now_ms - (int64_t)(ph_uuid_unix_us(message) / 1000) > PH_POP3_LATE_MS;
    bool is_for_late = kind == PH_FIX_POP3_HIDDEN || (kind == PH_FIX_POP3_MISSING && is_old) || look->is_late;
    if (options->keeps_floors && is_for_late) {
        ph_store_pop3_late_add(plan, mailbox, message, look->has_size ? look->size : look->listed_size,
                               no_uidl);
    }
}

static int apply(const struct ph_fix_pop3_options *options, const struct ph_fix_pop3_look *look,
                 enum ph_fix_pop3_kind kind, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 1024);
    ph_plan_init(&plan, &arena);
    plan_fix(options, look, kind, &plan);
    int result = ph_db_apply(options->db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

/* What was added may have been deleted at that moment. */
static int look_once_more(const struct ph_fix_pop3_options *options, const struct ph_fix_pop3_look *look,
                          struct ph_error *err)
{
    struct ph_fix_pop3_look again = {
        .mailbox = look->mailbox, .message = look->message, .wants = PH_FIX_POP3_WANTS_TRUTH};
    int result = ph_fix_pop3_look_at(options, &again, 1, err);
    return result == PH_OK && !again.has_truth ? apply(options, look, PH_FIX_POP3_STALE, err) : result;
}

int ph_fix_pop3_mend(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_look *look,
                     enum ph_fix_pop3_kind kind, bool *out_is_fixed, struct ph_error *err)
{
    int result = complete_size(options, look, err);
    bool is_known = kind == PH_FIX_POP3_STALE || kind == PH_FIX_POP3_HIDDEN || look->has_size;
    *out_is_fixed = false;
    if (result != PH_OK || !is_known) {
        return result;
    }
    result = apply(options, look, kind, err);
    if (result == PH_OK && kind != PH_FIX_POP3_STALE) {
        result = look_once_more(options, look, err);
    }
    *out_is_fixed = result == PH_OK;
    return result;
}
