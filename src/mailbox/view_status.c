/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATUS: from the mailbox's view, which stays in memory for the next one and for SELECT.
 */
#include "mailbox/rights.h"
#include "mailbox/views.h"

int ph_mailbox_status(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                      const struct ph_mailbox *mailbox, struct ph_view_status *out_status,
                      struct ph_error *err)
{
    struct ph_view *view = NULL;
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_LOOKUP, err);
    if (result == PH_OK) {
        result = ph_views_get(mailboxes, &mailbox->id, &view, err);
    }
    if (result != PH_OK) {
        return result;
    }
    pthread_mutex_lock(&view->lock);
    struct ph_view_list *list = ph_view_list_ref(view->list);
    *out_status = (struct ph_view_status){
        .messages = ph_view_list_count(list),
        .unseen = view->unseen,
        .deleted = view->deleted,
        .uid_next = view->uid_next,
        .uid_validity = mailbox->uid_validity,
        .highest_modseq = view->highest_modseq,
        .recent = ph_view_list_count(list) - ph_view_list_find(list, view->recent_uid + 1),
    };
    pthread_mutex_unlock(&view->lock);
    for (struct ph_view_cursor at = ph_view_list_first(list);; ph_view_cursor_next(&at)) {
        const struct ph_view_message *message = ph_view_cursor_get(&at);
        if (message == NULL) {
            break;
        }
        if (message->size == PH_VIEW_UNKNOWN) {
            struct ph_message row;
            struct ph_error gone;
            if (ph_message_get(mailboxes, access, mailbox, &message->id, &row, &gone) == PH_OK) {
                out_status->size += row.size;
            }
        } else {
            out_status->size += message->size;
        }
    }
    ph_view_list_unref(&list);
    ph_views_release(mailboxes->views, view);
    return PH_OK;
}
