/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: mailboxPathV3 is the truth of names, mailbox its projection by id. But a mailbox that holds mail and has
 * lost its name gets it back from the projection: its owner wants the mail.
 */
#include "store/counter.h"
#include "task/check-private.h"

#define WRONG(name) (1U << PH_CHECK_##name)

/* As many may be given between two looks. */
enum { UIDS_AHEAD = 1000 };

/* ---- By name ---- */

enum { PATH_USER, PATH_NAME, PATH_ID, PATH_IS_PROJECTED, PATH_UID, PATH_COUNTER };

static unsigned judge_path(const struct ph_check_row *row)
{
    return (ph_check_number(row, PATH_IS_PROJECTED) ? 0 : WRONG(MAILBOX_ROW)) |
           (ph_check_number(row, PATH_UID) > ph_check_number(row, PATH_COUNTER) ? WRONG(UID_COUNTER) : 0);
}

static void repair_path(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    if ((wrong & WRONG(MAILBOX_ROW)) != 0) {
        ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_CHECK_MAILBOX_SET, row->cells[PATH_USER],
                    row->cells[PATH_NAME]);
    }
    if ((wrong & WRONG(UID_COUNTER)) != 0) {
        /* A server that runs goes on from what it has in memory. */
        uint64_t highest = (uint64_t)ph_check_number(row, PATH_UID) + UIDS_AHEAD;
        ph_store_uid_raise(plan, &row->cells[PATH_ID].uuid, highest);
    }
}

static uint64_t *count_mailbox(struct ph_check_counts *counts)
{
    return &counts->mailboxes;
}

/* ---- By id ---- */

enum { BOX_ID, BOX_USER, BOX_NAME, BOX_ID_OF_NAME, BOX_HAS_MESSAGES };

static unsigned judge_box(const struct ph_check_row *row)
{
    const struct ph_uuid *named = ph_check_uuid(row, BOX_ID_OF_NAME);
    return named != NULL && ph_uuid_eq(named, &row->cells[BOX_ID].uuid) ? 0 : WRONG(MAILBOX_NAME);
}

static void repair_box(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    (void)wrong;
    if (!ph_check_number(row, BOX_HAS_MESSAGES)) {
        ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_CHECK_MAILBOX_DELETE_STALE, row->cells[BOX_ID]);
    } else if (ph_check_uuid(row, BOX_ID_OF_NAME) == NULL) {
        ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_CHECK_PATH_RESTORE, row->cells[BOX_ID]);
    }
}

int ph_check_mailboxes(struct ph_check *check)
{
    static const struct ph_check_pass by_id = {
        .page = PH_STMT_CHECK_MAILBOX_PAGE,
        .key_count = 1,
        .columns = "uttui",
        .judge = judge_box,
        .repair = repair_box,
        .message_column = -1,
        .mailbox_column = BOX_ID,
    };
    static const struct ph_check_pass by_name = {
        .page = PH_STMT_CHECK_PATH_PAGE,
        .key_count = 2,
        .columns = "ttuiii",
        .judge = judge_path,
        .repair = repair_path,
        .message_column = -1,
        .mailbox_column = PATH_ID,
        .counter = count_mailbox,
    };
    int result = ph_check_walk(check, &by_id);
    return result == PH_OK ? ph_check_walk(check, &by_name) : result;
}
