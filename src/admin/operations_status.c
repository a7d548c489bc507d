/* SPDX-License-Identifier: Apache-2.0 */
/* What a server is and has done, and how large its store is. */
#include <fts.h>
#include <sys/stat.h>

#include "admin/operations-private.h"
#include "base/mem.h"

/* Octets that the files below PATH take on disk. What goes away meanwhile is not counted. */
static uint64_t tree_bytes(const char *path)
{
    char *root = ph_strdup(path);
    char *roots[] = {root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t octets = 0;
    for (FTSENT *entry = tree == NULL ? NULL : fts_read(tree); entry != NULL; entry = fts_read(tree)) {
        if (entry->fts_info == FTS_F) {
            octets += (uint64_t)entry->fts_statp->st_blocks * 512U;
        }
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    free(root);
    return octets;
}

static json_t *statements(struct ph_db *db)
{
    json_t *all = json_object();
    for (unsigned i = 0; i < PH_STMT_COUNT; i++) {
        struct ph_stmt_stats stats;
        ph_db_stats(db, i, &stats);
        if (stats.count > 0) {
            json_object_set_new(all, ph_stmt_info(i)->name,
                                json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t)stats.count,
                                          "failures", (json_int_t)stats.failures, "total_us",
                                          (json_int_t)stats.total_us, "conditional",
                                          (json_int_t)stats.conditional));
        }
    }
    return all;
}

/* NULL where the store does not answer. */
static json_t *content(struct ph_blob_store *blobs)
{
    struct ph_segment_stats stats;
    if (ph_segment_store_stats(blobs, &stats, NULL) != PH_OK) {
        return json_null();
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "segments", (json_int_t)stats.segments,
                     "octets", (json_int_t)stats.octets, "live_octets", (json_int_t)stats.live_octets,
                     "kept_segments", (json_int_t)stats.kept_segments, "away_segments",
                     (json_int_t)stats.away_segments, "removed_lost", (json_int_t)stats.removed_lost,
                     "compacted", (json_int_t)stats.compacted, "is_broken", (int)stats.is_broken);
}

static json_t *server(const struct ph_admin *admin)
{
    struct ph_pool_stats stats;
    ph_pool_get_stats(admin->pool, &stats);
    uint64_t now_us = ph_real_us(admin->clock);
    uint64_t uptime = now_us > admin->started_us ? (now_us - admin->started_us) / 1000000U : 0;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "pid", (json_int_t)getpid(), "uptime_seconds",
                     (json_int_t)uptime, "connections", (json_int_t)stats.connections, "accepted",
                     (json_int_t)stats.accepted, "refused", (json_int_t)stats.refused, "threads",
                     (json_int_t)stats.threads);
}

int ph_op_status(struct ph_operation *op)
{
    const struct ph_admin *admin = op->admin;
    json_object_set_new(op->result, "running", json_boolean(admin->pool != NULL));
    json_object_set_new(op->result, "version", json_string(admin->version));
    json_object_set_new(op->result, "engine", json_string(admin->engine));
    json_object_set_new(op->result, "data_dir", json_string(admin->data_dir));
    json_object_set_new(op->result, "store_octets", json_integer((json_int_t)tree_bytes(admin->data_dir)));
    if (admin->pool != NULL) {
        json_object_set_new(op->result, "server", server(admin));
        json_object_set_new(op->result, "waiting",
                            json_pack("{s:I, s:I}", "plans", (json_int_t)ph_db_waiting(admin->db), "hashes",
                                      (json_int_t)ph_auth_waiting(admin->auth)));
        if (admin->describe_store != NULL) {
            json_object_set_new(op->result, "cassandra", admin->describe_store(admin->db));
        } else {
            json_object_set_new(op->result, "content", content(admin->blobs));
        }
        json_object_set_new(op->result, "statements", statements(admin->db));
        json_object_set_new(op->result, "rounds", json_integer((json_int_t)ph_db_rounds(admin->db)));
    }
    return PH_OK;
}
