/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailboxPathV3, the source of truth of names: (namespace, user) / mailboxName -> mailboxId, uidvalidity. And
 * mailbox, its projection by id. The namespace is always #private.
 */
#ifndef PH_STORE_MAILBOX_PATH_H
#define PH_STORE_MAILBOX_PATH_H

#include "db/db.h"

struct ph_mailbox_row {
    struct ph_uuid id;
    struct ph_bytes user;
    struct ph_bytes name;
    uint32_t uid_validity;
};

/* Fills id and uid_validity of *ROW by its user and name. PH_ENOTFOUND. */
int ph_store_mailbox_get(struct ph_db *db, struct ph_mailbox_row *row, struct ph_error *err) PH_MUST_USE;

/* The same in two steps, for ph_db_query_each; PARAMS lives as long as the read. */
struct ph_db_read ph_store_mailbox_read(const struct ph_mailbox_row *row, struct ph_value params[2]);
int ph_store_mailbox_take(struct ph_rows *rows, struct ph_mailbox_row *row, struct ph_error *err) PH_MUST_USE;

/* Every mailbox of USER by name; EACH's first result that is not 0 ends it and is returned. The row's views live
 * during the call. */
int ph_store_mailbox_list(struct ph_db *db, struct ph_bytes user,
                          int (*each)(const struct ph_mailbox_row *row, void *ctx), void *ctx,
                          struct ph_error *err) PH_MUST_USE;

/* IF_EXISTS: 0, or the class with which the plan fails where the name is taken; with 0 the row that is there stays. */
void ph_store_mailbox_add(struct ph_plan *plan, const struct ph_mailbox_row *row, int if_exists);
/* ROW as it was read, or is made: the mailbox has a name when the plan is done, even if it was deleted or renamed since; the
 * plan fails with PH_EBUSY where another mailbox has the name by now. Only of a store that is local. */
void ph_store_mailbox_keep(struct ph_plan *plan, const struct ph_mailbox_row *row);
/* A UIDVALIDITY for a mailbox without messages; the plan fails with PH_ECONFLICT where it has some, or where the name is
 * another mailbox's. */
void ph_store_mailbox_set_uid_validity(struct ph_plan *plan, const struct ph_mailbox_row *row);
/* NEW has the id and uid_validity of OLD; the plan fails with PH_ECONFLICT where the new name is taken. */
void ph_store_mailbox_rename(struct ph_plan *plan, const struct ph_mailbox_row *old,
                             const struct ph_mailbox_row *new);
/* Whether ROW's id is that of a mailbox with another name. */
int ph_store_mailbox_id_is_of_another(struct ph_db *db, const struct ph_mailbox_row *row, bool *out_is,
                                      struct ph_error *err) PH_MUST_USE;
void ph_store_mailbox_remove(struct ph_plan *plan, const struct ph_mailbox_row *row);

#endif
