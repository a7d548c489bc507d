/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/copy.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/mailbox-private.h"
#include "store/message_state.h"

/* One plan's worth of messages on their way. */
enum { TRIES_MAX = 16 };

struct copying {
    struct ph_mailboxes *mailboxes;
    const struct ph_uuid *from;
    const struct ph_uuid *to;
    const struct ph_uuid *ids;
    size_t count;
    struct ph_arena arena;
    struct ph_message_state *sources;
    struct ph_message_state *targets;
    struct ph_uuid *done; /* those that are in the target, in the order of ids */
    size_t done_count;
    struct ph_numbers *numbers; /* what each of ids has in the target */
};

static int read_both(struct copying *c, struct ph_error *err)
{
    struct ph_db *db = c->mailboxes->db;
    int result = ph_store_message_state_get(db, c->from, c->ids, c->count, &c->arena, c->sources, err);
    return result != PH_OK
               ? result
               : ph_store_message_state_get(db, c->to, c->ids, c->count, &c->arena, c->targets, err);
}

/* Whoever expunges the source at this moment takes the content along: where one plan does all, it fails rather than that it adds
 * a copy of what is gone. Nothing of the source changes. */
static void require_source(struct copying *c, const struct ph_message_state *source, struct ph_plan *plan)
{
    const struct ph_flag_change same = {.keywords = source->kept.keywords};
    struct ph_number_slots slots[2];
    ph_store_message_state_set_flags(plan, source, &same, ph_real_us(c->mailboxes->clock), slots);
    for (unsigned i = 0; i < 2; i++) {
        *slots[i].modseq = source->has_modseq ? ph_i64((int64_t)source->row.modseq) : ph_null();
    }
}

static int add_copies(struct copying *c, struct ph_plan *plan, struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < c->count; i++) {
        struct ph_message_state *source = &c->sources[i];
        if (!source->exists) {
            continue;
        }
        if (!c->targets[i].exists) {
            result = ph_message_row_complete(c->mailboxes, &source->row, err);
            if (result == PH_ENOTFOUND) {
                result = PH_OK;
                continue;
            }
            if (result == PH_OK && ph_db_traits(c->mailboxes->db)->is_all_or_nothing) {
                require_source(c, source, plan);
            }
            if (result == PH_OK) {
                result = ph_append_copy(c->mailboxes, &source->row, &source->kept, c->to, &c->numbers[i],
                                        plan, err);
            }
        } else if (c->targets[i].row.has_uid) {
            c->numbers[i] = (struct ph_numbers){c->targets[i].row.uid, c->targets[i].row.modseq};
        }
        c->done[c->done_count++] = c->ids[i];
    }
    return result;
}

static int apply_and_clear(struct copying *c, struct ph_plan *plan, struct ph_error *err)
{
    int result = plan->count == 0 ? PH_OK : ph_db_apply(c->mailboxes->db, plan, err);
    ph_plan_init(plan, &c->arena);
    return result;
}

/* Whoever expunged the source meanwhile may have seen no copy, and have taken the content with it; whoever has not yet
 * removed the source's row will see the copy. */
static int take_back_orphans(struct copying *c, struct ph_plan *plan, struct ph_error *err)
{
    int result =
        ph_store_message_state_get(c->mailboxes->db, c->from, c->ids, c->count, &c->arena, c->sources, err);
    size_t kept = 0;
    size_t next = 0;
    for (size_t i = 0; result == PH_OK && i < c->count && next < c->done_count; i++) {
        if (!ph_uuid_eq(&c->done[next], &c->ids[i])) {
            continue;
        }
        next++;
        if (c->sources[i].exists || c->targets[i].exists) {
            c->done[kept++] = c->ids[i];
        } else {
            size_t found;
            c->numbers[i] = (struct ph_numbers){0, 0};
            result = ph_expunge(c->mailboxes, c->to, &c->ids[i], 1, true, plan, &found, err);
        }
    }
    c->done_count = result == PH_OK ? kept : 0;
    return result == PH_OK ? apply_and_clear(c, plan, err) : result;
}

/* Somebody else may be putting the same message there at this moment: then one of the two plans fails, rather than that the
 * mailbox has the message under two UIDs. */
static void require_new(struct ph_plan *plan)
{
    for (struct ph_plan_entry *entry = plan->first; entry != NULL; entry = entry->next) {
        if (entry->stmt == PH_STMT_IMAP_UID_INSERT_KEPT) {
            entry->required = PH_ECONFLICT;
            plan->has_requirements = true;
        }
    }
}

static int transfer(struct copying *c, bool is_move, struct ph_error *err)
{
    bool is_atomic = ph_db_traits(c->mailboxes->db)->is_all_or_nothing;
    struct ph_plan plan;
    ph_plan_init(&plan, &c->arena);
    c->done_count = 0;
    memset(c->numbers, 0, c->count * sizeof *c->numbers);
    int result = read_both(c, err);
    if (result == PH_OK) {
        result = add_copies(c, &plan, err);
    }
    if (is_atomic) {
        require_new(&plan);
    }
    if (result == PH_OK && !is_atomic) {
        result = apply_and_clear(c, &plan, err);
        if (result == PH_OK) {
            result = take_back_orphans(c, &plan, err);
        }
    }
    if (result == PH_OK && is_move && c->done_count > 0) {
        size_t found;
        result = ph_expunge(c->mailboxes, c->from, c->done, c->done_count, true, &plan, &found, err);
    }
    return result == PH_OK ? apply_and_clear(c, &plan, err) : result;
}

int ph_message_transfer(struct ph_mailboxes *mailboxes, const struct ph_mailbox *from,
                        const struct ph_uuid *ids, size_t count, const struct ph_mailbox *to, bool is_move,
                        struct ph_numbers *out_numbers, size_t *out_count, struct ph_error *err)
{
    bool is_same = ph_uuid_eq(&from->id, &to->id);
    int result = PH_OK;
    *out_count = 0;
    for (size_t at = 0; result == PH_OK && at < count; at += PH_EXPUNGE_CHUNK) {
        size_t size = count - at < PH_EXPUNGE_CHUNK ? count - at : PH_EXPUNGE_CHUNK;
        struct copying c = {.mailboxes = mailboxes,
                            .from = &from->id,
                            .to = &to->id,
                            .ids = ids + at,
                            .count = size,
                            .sources = ph_alloc(size * sizeof *c.sources),
                            .targets = ph_alloc(size * sizeof *c.targets),
                            .done = ph_alloc(size * sizeof *c.done),
                            .numbers = out_numbers + at};
        ph_arena_init(&c.arena, 16U << 10);
        unsigned tries = 0;
        do {
            result = transfer(&c, is_move && !is_same, err);
        } while (result == PH_ECONFLICT && ++tries < TRIES_MAX);
        if (result == PH_ECONFLICT) {
            result = ph_fail(err, PH_EBUSY, "others put the same messages there all the time");
        }
        *out_count += result == PH_OK ? c.done_count : 0;
        ph_arena_fini(&c.arena);
        free(c.done);
        free(c.targets);
        free(c.sources);
    }
    return result;
}

static int transfer_all(struct ph_mailboxes *mailboxes, const struct ph_mailbox *from,
                        const struct ph_uuid *ids, size_t count, const struct ph_mailbox *to, bool is_move,
                        size_t *out_count, struct ph_error *err)
{
    struct ph_numbers *numbers = ph_zalloc((count + 1) * sizeof *numbers);
    int result = ph_message_transfer(mailboxes, from, ids, count, to, is_move, numbers, out_count, err);
    free(numbers);
    return result;
}

int ph_message_copy(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *from, const struct ph_uuid *ids, size_t count,
                    const struct ph_mailbox *to, size_t *out_count, struct ph_error *err)
{
    int result = ph_rights_check(access, from->user, PH_RIGHT_READ, err);
    if (result == PH_OK) {
        result = ph_rights_check(access, to->user, PH_RIGHT_INSERT, err);
    }
    return result != PH_OK ? result : transfer_all(mailboxes, from, ids, count, to, false, out_count, err);
}

int ph_message_move(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *from, const struct ph_uuid *ids, size_t count,
                    const struct ph_mailbox *to, size_t *out_count, struct ph_error *err)
{
    int result = ph_rights_check(access, from->user, PH_RIGHT_EXPUNGE, err);
    if (result == PH_OK) {
        result = ph_rights_check(access, to->user, PH_RIGHT_INSERT, err);
    }
    return result != PH_OK ? result : transfer_all(mailboxes, from, ids, count, to, true, out_count, err);
}
