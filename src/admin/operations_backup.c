/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the store, while it serves: at a rate that leaves room for the others. */
#include "admin/operations-private.h"
#include "task/backup.h"

static const uint64_t SERVING_BYTES_PER_SECOND = UINT64_C(128) << 20;

static void log_backup(const struct ph_admin *admin, const char *directory, int result,
                       const struct ph_backup_counts *counts, const struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, admin->log, result == PH_OK ? PH_LOG_INFO : PH_LOG_ERROR,
                 result == PH_OK ? "backup" : "backup-failed");
    ph_log_str(&line, "directory", directory);
    ph_log_str(&line, "generation", counts->generation);
    ph_log_u64(&line, "files", counts->files);
    ph_log_u64(&line, "new_octets", counts->new_octets);
    ph_log_u64(&line, "missing", counts->missing);
    if (result != PH_OK) {
        ph_log_error(&line, err);
    }
    ph_log_end(&line);
}

int ph_op_backup(struct ph_operation *op)
{
    if (!ph_db_traits(op->admin->db)->is_local) {
        return ph_fail(
            op->err, PH_EINVALID,
            "backup is for the embedded store. On Cassandra: `nodetool snapshot` on every node of one "
            "datacenter; see docs/cassandra.md");
    }
    struct ph_bytes directory = {0};
    int result = ph_op_text(op, "directory", &directory);
    if (result != PH_OK) {
        return result;
    }
    const char *path = ph_arena_strdup(&op->arena, directory);
    if (path[0] != '/' || strlen(path) != directory.len) {
        return ph_fail(op->err, PH_EINVALID, "expected a directory's whole path");
    }
    struct ph_backup_counts counts;
    const struct ph_backup_options options = {
        .db = op->admin->db,
        .blobs = op->admin->blobs,
        .segments = ph_arena_printf(&op->arena, "%s/segments", op->admin->data_dir),
        .directory = path,
        .is_incremental = json_is_true(json_object_get(op->request->arguments, "incremental")),
        .bytes_per_second = op->admin->pool == NULL ? 0 : SERVING_BYTES_PER_SECOND,
        .clock = op->admin->clock,
        .version = op->admin->version,
    };
    result = ph_backup_make(&options, &counts, op->err);
    log_backup(op->admin, path, result, &counts, op->err);
    json_object_update_new(op->result,
                           json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "generation", counts.generation,
                                     "files", (json_int_t)counts.files, "octets", (json_int_t)counts.octets,
                                     "new_files", (json_int_t)counts.new_files, "new_octets",
                                     (json_int_t)counts.new_octets, "missing", (json_int_t)counts.missing));
    return result;
}
