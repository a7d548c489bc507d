/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of operations share.
 */
#ifndef PH_ADMIN_OPERATIONS_PRIVATE_H
#define PH_ADMIN_OPERATIONS_PRIVATE_H

#include "admin/operations.h"
#include "base/arena.h"

/* One operation while it runs. */
struct ph_operation {
    struct ph_admin *admin;
    const struct ph_admin_request *request;
    const struct ph_admin_sink *sink;
    struct ph_arena arena;
    json_t *result; /* an object, to be filled */
    struct ph_error *err;
};

typedef int ph_operation_run(struct ph_operation *op);

/* operations_account.c */
ph_operation_run ph_op_domain_add, ph_op_domain_remove, ph_op_domain_list;
ph_operation_run ph_op_user_add, ph_op_user_remove, ph_op_user_list, ph_op_user_passwd, ph_op_user_verify;
ph_operation_run ph_op_alias_add, ph_op_alias_remove, ph_op_alias_list;
/* operations_import.c */
ph_operation_run ph_op_import_begin, ph_op_import_put;
/* operations_export.c */
ph_operation_run ph_op_export_mailboxes, ph_op_export_messages;
/* operations_mailbox.c */
ph_operation_run ph_op_mailbox_list, ph_op_mailbox_create, ph_op_mailbox_delete;
ph_operation_run ph_op_message_list, ph_op_message_show, ph_op_message_delete;
/* operations_deliver.c */
ph_operation_run ph_op_deliver;
/* operations_backup.c */
ph_operation_run ph_op_backup;
/* operations_check.c */
ph_operation_run ph_op_check;
/* operations_denormalize.c */
ph_operation_run ph_op_denormalize;

/* operations_fix.c */
ph_operation_run ph_op_fix_pop3;
/* operations_orphans.c */
ph_operation_run ph_op_remove_orphans;
/* operations_status.c */
ph_operation_run ph_op_status;

/* A text argument. PH_EINVALID where it is missing or no text. */
int ph_op_text(struct ph_operation *op, const char *key, struct ph_bytes *out_text) PH_MUST_USE;
/* The same; FALLBACK where it is missing. */
int ph_op_text_or(struct ph_operation *op, const char *key, struct ph_bytes fallback,
                  struct ph_bytes *out_text) PH_MUST_USE;
/* A number of decimal digits, up to MAX; FALLBACK where it is missing. */
int ph_op_number_or(struct ph_operation *op, const char *key, unsigned fallback, unsigned max,
                    unsigned *out_number) PH_MUST_USE;
/* The argument "user" in canonical form; PH_ENOTFOUND where there is no such user. */
int ph_op_user(struct ph_operation *op, struct ph_bytes *out_user) PH_MUST_USE;

/* Hands ITEM, whose reference it takes, to the sink. */
int ph_op_item(struct ph_operation *op, json_t *item) PH_MUST_USE;
/* A JSON string; octets that are no UTF-8 become "?". */
json_t *ph_op_string(struct ph_bytes text);

/* Something that completes on another thread. */
struct ph_op_wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
    int result;
};
void ph_op_wait_init(struct ph_op_wait *wait);
void ph_op_wait_done(struct ph_op_wait *wait, int result);
/* Waits, and is then finished with WAIT. */
int ph_op_wait_end(struct ph_op_wait *wait);

#endif
