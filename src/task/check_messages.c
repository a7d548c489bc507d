/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: imapUidTable is the truth of which message is in which mailbox; messageIdTable and pop3metadata follow
 * from it, and messageV3 has what is the same in every mailbox.
 *
 * A row of a listing that the truth does not know is stale, with one exception: where the message's own row still stands
 * and no mailbox has it, it was not deleted (deleting takes its own row with the last mailbox, in one transaction); it
 * was lost, and is put back. The list by UID goes first, since it has the flags and the UID.
 */
#include "task/check-private.h"

#define WRONG(name) (1U << PH_CHECK_##name)

/* ---- messageIdTable ---- */

enum { ID_MAILBOX, ID_UID, ID_MESSAGE, ID_IS_TRUE, ID_IS_UID, ID_HAS_ROW, ID_IS_ELSEWHERE };

static unsigned judge_listing(const struct ph_check_row *row)
{
    if (ph_check_number(row, ID_IS_TRUE)) {
        return ph_check_number(row, ID_IS_UID) ? 0 : WRONG(LISTING_STALE);
    }
    bool is_lost = ph_check_number(row, ID_HAS_ROW) && !ph_check_number(row, ID_IS_ELSEWHERE);
    return is_lost ? WRONG(MESSAGE_LOST) : WRONG(LISTING_STALE);
}

static void repair_listing(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    if ((wrong & WRONG(MESSAGE_LOST)) != 0) {
        ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_CHECK_TRUTH_FROM_MESSAGE_ID, row->cells[ID_MAILBOX],
                    row->cells[ID_UID]);
    } else {
        ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_CHECK_MESSAGE_ID_DELETE_STALE,
                    row->cells[ID_MAILBOX], row->cells[ID_UID]);
    }
}

/* ---- pop3metadata ---- */

enum { DROP_MAILBOX, DROP_MESSAGE, DROP_IS_TRUE, DROP_HAS_ROW, DROP_IS_ELSEWHERE, DROP_HAS_MAILBOX };

static unsigned judge_drop(const struct ph_check_row *row)
{
    unsigned wrong = ph_check_number(row, DROP_HAS_MAILBOX) ? 0 : WRONG(MAILBOX_UNKNOWN);
    if (!ph_check_number(row, DROP_IS_TRUE)) {
        bool is_lost = ph_check_number(row, DROP_HAS_ROW) && !ph_check_number(row, DROP_IS_ELSEWHERE);
        wrong |= is_lost ? WRONG(MESSAGE_LOST) : WRONG(MAILDROP_STALE);
    }
    return wrong;
}

static void repair_drop(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    if ((wrong & WRONG(MESSAGE_LOST)) != 0) {
        ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_CHECK_TRUTH_FROM_POP3, row->cells[DROP_MAILBOX],
                    row->cells[DROP_MESSAGE]);
    }
    if ((wrong & WRONG(MAILDROP_STALE)) != 0) {
        ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_CHECK_POP3_DELETE_STALE,
                    row->cells[DROP_MAILBOX], row->cells[DROP_MESSAGE]);
    }
}

/* ---- imapUidTable ---- */

enum {
    TRUTH_MESSAGE,
    TRUTH_MAILBOX,
    TRUTH_UID,
    TRUTH_DROP_SIZE,
    TRUTH_IS_DROP_SIZE,
    TRUTH_LISTED,
    TRUTH_IS_LISTED,
    TRUTH_HAS_ROW,
    TRUTH_IS_ROW,
    TRUTH_HEADER,
    TRUTH_HAS_HEADER,
    TRUTH_BODY,
    TRUTH_HAS_BODY,
    TRUTH_IS_LENGTH
};

static unsigned judge_projections(const struct ph_check_row *row)
{
    unsigned wrong = 0;
    if (row->cells[TRUTH_DROP_SIZE].type == PH_VALUE_NULL) {
        wrong |= WRONG(MAILDROP_MISSING);
    } else if (!ph_check_number(row, TRUTH_IS_DROP_SIZE)) {
        wrong |= WRONG(MAILDROP_SIZE);
    }
    if (row->cells[TRUTH_UID].type == PH_VALUE_NULL) {
        return wrong; /* is in no list by UID yet */
    }
    const struct ph_uuid *listed = ph_check_uuid(row, TRUTH_LISTED);
    if (listed == NULL) {
        wrong |= WRONG(LISTING_MISSING);
    } else if (!ph_uuid_eq(listed, &row->cells[TRUTH_MESSAGE].uuid)) {
        wrong |= WRONG(UID_TWICE);
    } else if (!ph_check_number(row, TRUTH_IS_LISTED)) {
        wrong |= WRONG(LISTING_DIFFERS);
    }
    return wrong;
}

static unsigned judge_truth(const struct ph_check_row *row)
{
    unsigned wrong = judge_projections(row);
    if (!ph_check_number(row, TRUTH_HAS_ROW)) {
        wrong |= WRONG(MESSAGE_ROW);
    }
    if (!ph_check_number(row, TRUTH_HAS_HEADER) || !ph_check_number(row, TRUTH_HAS_BODY)) {
        wrong |= WRONG(CONTENT_GONE);
    } else if (!ph_check_number(row, TRUTH_IS_LENGTH)) {
        wrong |= WRONG(LENGTH);
    } else if (ph_check_number(row, TRUTH_HAS_ROW) && !ph_check_number(row, TRUTH_IS_ROW)) {
        wrong |= WRONG(MESSAGE_DIFFERS);
    }
    return wrong;
}

static void repair_truth(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    struct ph_value message = row->cells[TRUTH_MESSAGE];
    struct ph_value mailbox = row->cells[TRUTH_MAILBOX];
    if ((wrong & WRONG(LENGTH)) != 0) {
        ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_CHECK_TRUTH_SET_LENGTH, message, mailbox,
                    row->cells[TRUTH_HEADER], row->cells[TRUTH_BODY]);
    }
    if ((wrong & (WRONG(LENGTH) | WRONG(MESSAGE_DIFFERS))) != 0) {
        ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_CHECK_MESSAGE_SET_LENGTH, message,
                    row->cells[TRUTH_HEADER], row->cells[TRUTH_BODY]);
    }
    if ((wrong & WRONG(MESSAGE_ROW)) != 0) {
        ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_CHECK_MESSAGE_RESTORE, message, mailbox);
    }
    if ((wrong & (WRONG(MAILDROP_MISSING) | WRONG(MAILDROP_SIZE) | WRONG(LENGTH))) != 0) {
        ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_CHECK_POP3_SET, message, mailbox);
    }
    if ((wrong & (WRONG(LISTING_MISSING) | WRONG(LISTING_DIFFERS) | WRONG(LENGTH))) != 0) {
        ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_CHECK_MESSAGE_ID_SET, message, mailbox);
    }
}

static uint64_t *count_message(struct ph_check_counts *counts)
{
    return &counts->messages;
}

/* ---- messageV3 ---- */

enum { MESSAGE_ID, MESSAGE_IS_SOMEWHERE };

static unsigned judge_message(const struct ph_check_row *row)
{
    return ph_check_number(row, MESSAGE_IS_SOMEWHERE) ? 0 : WRONG(MESSAGE_NOWHERE);
}

static void repair_nothing(struct ph_plan *plan, const struct ph_check_row *row, unsigned wrong)
{
    (void)plan;
    (void)row;
    (void)wrong;
}

int ph_check_messages(struct ph_check *check)
{
    static const struct ph_check_pass passes[] = {
        {
            .page = PH_STMT_CHECK_MESSAGE_ID_PAGE,
            .key_count = 2,
            .columns = "uiuiiii",
            .judge = judge_listing,
            .repair = repair_listing,
            .message_column = ID_MESSAGE,
            .mailbox_column = ID_MAILBOX,
        },
        {
            .page = PH_STMT_CHECK_POP3_PAGE,
            .key_count = 2,
            .columns = "uuiiii",
            .judge = judge_drop,
            .repair = repair_drop,
            .message_column = DROP_MESSAGE,
            .mailbox_column = DROP_MAILBOX,
        },
        {
            .page = PH_STMT_CHECK_TRUTH_PAGE,
            .key_count = 2,
            .columns = "uuiiiuiiiuiuii",
            .judge = judge_truth,
            .repair = repair_truth,
            .message_column = TRUTH_MESSAGE,
            .mailbox_column = TRUTH_MAILBOX,
            .counter = count_message,
        },
        {
            .page = PH_STMT_CHECK_MESSAGE_PAGE,
            .key_count = 1,
            .columns = "uiuu",
            .judge = judge_message,
            .repair = repair_nothing,
            .message_column = MESSAGE_ID,
            .mailbox_column = -1,
        },
    };
    int result = PH_OK;
    for (size_t i = 0; i < sizeof passes / sizeof passes[0] && result == PH_OK; i++) {
        result = ph_check_walk(check, &passes[i]);
    }
    return result;
}
