/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the store is what it says it is. Under a server content is read at a rate that leaves room for the others. */
#include "admin/operations-private.h"
#include "task/check.h"

static const uint64_t SERVING_BYTES_PER_SECOND = UINT64_C(64) << 20;

static json_t *id_or_empty(const struct ph_uuid *id)
{
    char text[PH_UUID_TEXT_LEN + 1] = "";
    if (id != NULL) {
        ph_uuid_format(id, text);
    }
    return json_string(text);
}

static json_t *text_or_empty(struct ph_bytes text)
{
    return text.len == 0 ? json_string("") : ph_op_string(text);
}

static int found(const struct ph_check_finding *finding, void *ctx, struct ph_error *err)
{
    struct ph_operation *op = ctx;
    (void)err;
    json_t *item =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", ph_check_kind_name(finding->kind),
                  "state", finding->is_repaired ? "repaired" : "found", "user", text_or_empty(finding->user),
                  "name", text_or_empty(finding->name), "mailbox", id_or_empty(finding->mailbox), "message",
                  id_or_empty(finding->message), "content", id_or_empty(finding->content), "text",
                  text_or_empty(ph_bytes_str(finding->text)));
    if (finding->segment != 0) {
        json_object_set_new(item, "segment", json_integer(finding->segment));
    }
    if (!finding->is_repaired) {
        json_object_set_new(item, "repair", json_string(ph_check_kind_repair(finding->kind)));
    }
    struct ph_log_line line;
    ph_log_begin(&line, op->admin->log, PH_LOG_WARNING, "check-found");
    ph_log_str(&line, "kind", ph_check_kind_name(finding->kind));
    ph_log_str(&line, "state", finding->is_repaired ? "repaired" : "found");
    ph_log_bytes(&line, "user", finding->user);
    static const char *const ids[] = {"mailbox", "message", "content"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        ph_log_str(&line, ids[i], json_string_value(json_object_get(item, ids[i])));
    }
    ph_log_str(&line, "reason", finding->text);
    ph_log_end(&line);
    return ph_op_item(op, item);
}

int ph_op_check(struct ph_operation *op)
{
    if (!ph_db_traits(op->admin->db)->is_local) {
        return ph_fail(
            op->err, PH_EINVALID,
            "check is for the embedded store. On Cassandra: `posthouse schema check` for the tables, "
            "`nodetool repair` for the copies, `posthouse fix-pop3-inconsistencies` for maildrops; see docs/cassandra.md");
    }
    const struct ph_check_options options = {
        .db = op->admin->db,
        .blobs = op->admin->blobs,
        .is_full = json_is_true(json_object_get(op->request->arguments, "full")),
        .is_repairing = json_is_true(json_object_get(op->request->arguments, "repair")),
        .bytes_per_second = op->admin->pool == NULL ? 0 : SERVING_BYTES_PER_SECOND,
        .found = found,
        .ctx = op,
    };
    struct ph_check_counts counts;
    int result = ph_check_run(&options, &counts, op->err);
    json_object_update_new(
        op->result, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "mailboxes", (json_int_t)counts.mailboxes,
                              "messages", (json_int_t)counts.messages, "contents",
                              (json_int_t)counts.contents, "octets", (json_int_t)counts.octets, "found",
                              (json_int_t)counts.found, "repaired", (json_int_t)counts.repaired));
    return result;
}
