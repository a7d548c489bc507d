/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/operations.h"

#include "admin/operations-private.h"

static const struct {
    const char *name;
    ph_operation_run *run;
} operations[] = {
    {"domain add", ph_op_domain_add},
    {"domain remove", ph_op_domain_remove},
    {"domain list", ph_op_domain_list},
    {"user add", ph_op_user_add},
    {"user remove", ph_op_user_remove},
    {"user list", ph_op_user_list},
    {"user passwd", ph_op_user_passwd},
    {"user verify", ph_op_user_verify},
    {"alias add", ph_op_alias_add},
    {"alias remove", ph_op_alias_remove},
    {"alias list", ph_op_alias_list},
    {"mailbox list", ph_op_mailbox_list},
    {"mailbox create", ph_op_mailbox_create},
    {"mailbox delete", ph_op_mailbox_delete},
    {"message list", ph_op_message_list},
    {"message show", ph_op_message_show},
    {"import begin", ph_op_import_begin},
    {"import put", ph_op_import_put},
    {"export mailboxes", ph_op_export_mailboxes},
    {"export messages", ph_op_export_messages},
    {"message delete", ph_op_message_delete},
    {"deliver", ph_op_deliver},
    {"check", ph_op_check},
    {"fix-pop3-inconsistencies", ph_op_fix_pop3},
    {"denormalize-metadata", ph_op_denormalize},
    {"remove-orphaned-content", ph_op_remove_orphans},
    {"backup", ph_op_backup},
    {"status", ph_op_status},
};

static ph_operation_run *find(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].name, name) == 0) {
            return operations[i].run;
        }
    }
    return NULL;
}

bool ph_admin_has(const char *operation)
{
    return find(operation) != NULL;
}

int ph_admin_run(struct ph_admin *admin, const struct ph_admin_request *request,
                 const struct ph_admin_sink *sink, json_t **out_result, struct ph_error *err)
{
    *out_result = NULL;
    ph_operation_run *run = find(request->operation);
    if (run == NULL) {
        return ph_fail(err, PH_EINVALID, "no such operation: %.60s", request->operation);
    }
    struct ph_operation op = {
        .admin = admin,
        .request = request,
        .sink = sink,
        .result = json_object(),
        .err = err,
    };
    ph_arena_init(&op.arena, 0);
    int result = run(&op);
    ph_arena_fini(&op.arena);
    if (result == PH_OK) {
        *out_result = op.result;
    } else {
        json_decref(op.result);
    }
    return result;
}

/* ---- For the files of operations ---- */

int ph_op_text(struct ph_operation *op, const char *key, struct ph_bytes *out_text)
{
    const json_t *value = json_object_get(op->request->arguments, key);
    if (!json_is_string(value)) {
        return ph_fail(op->err, PH_EINVALID, "%s: expected the argument \"%s\"", op->request->operation, key);
    }
    *out_text = ph_bytes_of(json_string_value(value), json_string_length(value));
    return PH_OK;
}

int ph_op_text_or(struct ph_operation *op, const char *key, struct ph_bytes fallback,
                  struct ph_bytes *out_text)
{
    if (json_object_get(op->request->arguments, key) == NULL) {
        *out_text = fallback;
        return PH_OK;
    }
    return ph_op_text(op, key, out_text);
}

int ph_op_number_or(struct ph_operation *op, const char *key, unsigned fallback, unsigned max,
                    unsigned *out_number)
{
    struct ph_bytes text;
    int result = ph_op_text_or(op, key, PH_BYTES(""), &text);
    uint64_t number = 0;
    *out_number = fallback;
    if (result != PH_OK || text.len == 0) {
        return result;
    }
    for (size_t i = 0; i < text.len; i++) {
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > max) {
            return ph_fail(op->err, PH_EINVALID, "--%s: expected a number from 0 to %u", key, max);
        }
    }
    *out_number = (unsigned)number;
    return PH_OK;
}

int ph_op_user(struct ph_operation *op, struct ph_bytes *out_user)
{
    struct ph_bytes text = {0};
    int result = ph_op_text(op, "user", &text);
    if (result == PH_OK) {
        result = ph_address_canonical(text, &op->arena, out_user, op->err);
    }
    return result == PH_OK ? ph_user_check(op->admin->accounts, *out_user, op->err) : result;
}

int ph_op_item(struct ph_operation *op, json_t *item)
{
    int result = op->sink->item(op->sink->ctx, item, op->err);
    json_decref(item);
    return result;
}

json_t *ph_op_string(struct ph_bytes text)
{
    json_t *value = text.len == 0 ? json_string("") : json_stringn((const char *)text.ptr, text.len);
    if (value != NULL) {
        return value;
    }
    struct ph_buf plain = PH_BUF(text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        ph_buf_byte(&plain, text.ptr[i] < 0x80 ? text.ptr[i] : '?');
    }
    value = json_stringn((const char *)plain.ptr, plain.len);
    ph_buf_fini(&plain);
    return value;
}

void ph_op_wait_init(struct ph_op_wait *wait)
{
    *wait = (struct ph_op_wait){0};
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->changed, NULL);
}

void ph_op_wait_done(struct ph_op_wait *wait, int result)
{
    pthread_mutex_lock(&wait->lock);
    wait->is_done = true;
    wait->result = result;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->lock);
}

int ph_op_wait_end(struct ph_op_wait *wait)
{
    pthread_mutex_lock(&wait->lock);
    while (!wait->is_done) {
        pthread_cond_wait(&wait->changed, &wait->lock);
    }
    pthread_mutex_unlock(&wait->lock);
    pthread_cond_destroy(&wait->changed);
    pthread_mutex_destroy(&wait->lock);
    return wait->result;
}
