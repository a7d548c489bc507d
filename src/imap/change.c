/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/change.h"

#include <stdlib.h>

#include "base/mem.h"

static void change_done(struct ph_view_write *write, int result)
{
    struct ph_conn *conn = write->ctx;
    struct ph_imap_session *session = ph_conn_session(conn);
    struct ph_imap_change *change = session->work;
    change->result = result;
    ph_imap_resume(conn);
}

struct ph_imap_change *ph_imap_change_new(struct ph_conn *conn, struct ph_imap_session *session,
                                          ph_imap_continue *resume)
{
    struct ph_imap_change *change = ph_alloc(sizeof *change);
    *change = (struct ph_imap_change){
        .write = {.done = change_done, .ctx = conn, .arena = &session->arena},
    };
    session->work = change;
    session->work_free = free;
    session->resume = resume;
    return change;
}

enum ph_step ph_imap_change_failed(struct ph_conn *conn, struct ph_imap_session *session,
                                   struct ph_imap_change *change)
{
    struct ph_error err = change->write.error;
    if (err.code == PH_OK) {
        ph_fail(&err, change->result, "a change of the selected mailbox failed");
    }
    return ph_imap_fail(conn, session, &err);
}

static bool has_uid(const struct ph_imap_told *told, uint32_t uid)
{
    size_t low = 0;
    size_t high = told->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (told->ranges[middle].last < uid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < told->count && told->ranges[low].first <= uid;
}

const struct ph_imap_told *ph_imap_told_find(const struct ph_imap_session *session, uint32_t uid,
                                             uint64_t modseq)
{
    for (const struct ph_imap_told *told = session->told; told != NULL; told = told->next) {
        if (modseq >= told->first_modseq && modseq <= told->modseq && has_uid(told, uid)) {
            return told;
        }
    }
    return NULL;
}
