/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's side of `posthouse import`, which is a loop of these two; no commands of their own.
 *
 *     import begin {user, mailbox, uid_validity, uid_next, dry_run} -> {exists, keeps_uids}
 *     import put {user, mailbox, uid_validity, dry_run, verify}, a batch (task/import_wire.h) as content
 *         -> {imported, present, ..., trouble: [{index, text}]}
 */
#include "admin/operations-private.h"
#include "mailbox/adopt.h"
#include "task/import_store.h"

static const struct ph_access administrator = {.is_administrator = true};

static int64_t number_or(const struct ph_operation *op, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(op->request->arguments, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool is_set(const struct ph_operation *op, const char *key)
{
    return json_is_true(json_object_get(op->request->arguments, key));
}

static int read_into(struct ph_operation *op, struct ph_import_into *into)
{
    int result = ph_op_user(op, &into->user);
    if (result == PH_OK) {
        result = ph_op_text(op, "mailbox", &into->mailbox);
    }
    int64_t uid_validity = number_or(op, "uid_validity", 0);
    if (result == PH_OK && (uid_validity < 0 || uid_validity > UINT32_MAX)) {
        result = ph_fail(op->err, PH_EINVALID, "a UIDVALIDITY is a number of 32 bits");
    }
    into->uid_validity = (uint32_t)uid_validity;
    into->is_dry = is_set(op, "dry_run");
    into->wants_verify = is_set(op, "verify");
    return result;
}

int ph_op_import_begin(struct ph_operation *op)
{
    struct ph_import_into into = {0};
    struct ph_adoption adoption;
    int64_t uid_next = number_or(op, "uid_next", 0);
    int result = read_into(op, &into);
    if (result == PH_OK && (uid_next < 0 || uid_next > INT64_C(1) << 32)) {
        result = ph_fail(op->err, PH_EINVALID, "a UID is a number of 32 bits");
    }
    if (result == PH_OK) {
        result =
            ph_mailbox_adopt(op->admin->mailboxes, &administrator, into.user, into.mailbox, into.uid_validity,
                             (uint64_t)uid_next, into.is_dry, &op->arena, &adoption, op->err);
    }
    if (result == PH_OK) {
        json_object_set_new(op->result, "exists", json_boolean(adoption.exists));
        json_object_set_new(op->result, "keeps_uids", json_boolean(adoption.keeps_uids));
    }
    return result;
}

struct tally {
    json_int_t imported;
    json_int_t present;
    json_int_t gone;
    json_int_t failed;
    json_int_t verified;
    json_int_t differing;
    json_int_t renumbered;
    json_int_t uidls_lost;
    json_t *trouble;
};

static void note(void *ctx, unsigned index, const struct ph_import_outcome *outcome)
{
    struct tally *tally = ctx;
    const char *why = outcome->why;
    bool is_failed = outcome->fate == PH_IMPORT_FAILED;
    tally->imported += outcome->fate == PH_IMPORT_NEW;
    tally->present += outcome->fate == PH_IMPORT_PRESENT;
    tally->failed += is_failed;
    tally->gone += outcome->is_gone;
    tally->verified += outcome->is_verified;
    tally->differing += !is_failed && why != NULL;
    tally->renumbered += !is_failed && outcome->has_lost_uid;
    tally->uidls_lost += outcome->has_lost_uidl;
    if (why == NULL && outcome->has_lost_uidl) {
        why = "another message has its UIDL: it shows its message id instead";
    }
    if (why != NULL) {
        json_array_append_new(tally->trouble, json_pack("{s:I, s:o}", "index", (json_int_t)index, "text",
                                                        ph_op_string(ph_bytes_str(why))));
    }
}

int ph_op_import_put(struct ph_operation *op)
{
    struct ph_import_into into = {0};
    const struct ph_import_store store = {op->admin->mailboxes, op->admin->blobs};
    int result = read_into(op, &into);
    if (result == PH_OK && op->request->content == NULL) {
        result = ph_fail(op->err, PH_EINVALID, "expected messages, found none");
    }
    if (result != PH_OK) {
        return result;
    }
    struct tally tally = {.trouble = json_array()};
    result = ph_import_put(&store, &into, op->request->content, &op->arena, note, &tally, op->err);
    if (result != PH_OK) {
        json_decref(tally.trouble);
        return result;
    }
    const struct {
        const char *name;
        json_int_t value;
    } numbers[] = {
        {"imported", tally.imported},     {"present", tally.present},      {"gone", tally.gone},
        {"failed", tally.failed},         {"verified", tally.verified},    {"differing", tally.differing},
        {"renumbered", tally.renumbered}, {"uidls_lost", tally.uidls_lost}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        json_object_set_new(op->result, numbers[i].name, json_integer(numbers[i].value));
    }
    json_object_set_new(op->result, "trouble", tally.trouble);
    return PH_OK;
}
