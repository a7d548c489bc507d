/* SPDX-License-Identifier: Apache-2.0 */
#include "app/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cassandra.h"
#include "app/s3.h"
#include "base/mem.h"
#include "blob/cassandra_store.h"
#include "blob/segment_store.h"
#include "db/sqlite/sqlite.h"

char *ph_layers_path(const struct ph_config *config, const char *name)
{
    size_t size = strlen(config->root->data_dir) + strlen(name) + 2;
    char *path = ph_alloc(size);
    snprintf(path, size, "%s/%s", config->root->data_dir, name);
    return path;
}

void ph_layers_log(const struct ph_config *config, struct ph_log *out_log)
{
    static const enum ph_log_level levels[] = {
        [PH_CONFIG_LOG_DEBUG] = PH_LOG_DEBUG,
        [PH_CONFIG_LOG_INFO] = PH_LOG_INFO,
        [PH_CONFIG_LOG_WARNING] = PH_LOG_WARNING,
        [PH_CONFIG_LOG_ERROR] = PH_LOG_ERROR,
    };
    const struct ph_config_log *log = &config->root->log;
    ph_log_init(out_log, STDERR_FILENO, log->format == PH_CONFIG_LOG_JSON ? PH_LOG_JSON : PH_LOG_KV,
                levels[log->level], &ph_clock_system);
}

static bool is_cassandra(const struct ph_layers *layers)
{
    return layers->config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA;
}

static bool is_s3(const struct ph_layers *layers)
{
    return layers->config->root->store.content == PH_CONFIG_CONTENT_S3;
}

static int open_sqlite(struct ph_layers *layers, struct ph_error *err)
{
    static const unsigned page_bytes[] = {
        [PH_CONFIG_PAGE_1024] = 1024,
        [PH_CONFIG_PAGE_2048] = 2048,
        [PH_CONFIG_PAGE_4096] = 4096,
    };
    const struct ph_config_root *root = layers->config->root;
    const struct ph_sqlite_options options = {
        .directory = root->data_dir,
        .page_bytes = page_bytes[root->store.page_bytes],
        .database_bytes_max = root->store.database_bytes_max,
        .batch_max = root->store.batch_plans,
        .checkpoint_bytes = root->store.checkpoint_bytes,
        .clock = &ph_clock_system,
        .log = layers->log,
    };
    char *mark = ph_layers_path(layers->config, "restoring");
    bool is_unfinished = access(mark, F_OK) == 0;
    free(mark);
    if (is_unfinished) {
        return ph_fail(err, PH_EUNAVAILABLE, "%.180s: a backup was not restored to its end, restore it again",
                       root->data_dir);
    }
    return ph_sqlite_open(&options, &layers->db, err);
}

static int make_directory(const char *path, struct ph_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.200s", path);
    }
    return PH_OK;
}

static int open_database(struct ph_layers *layers, struct ph_error *err)
{
    int result = is_cassandra(layers)
                     ? ph_app_cassandra_open(layers->config, layers->log, layers->is_brief, &layers->db, err)
                     : open_sqlite(layers, err);
    if (result == PH_OK && is_cassandra(layers)) {
        result = make_directory(layers->config->root->data_dir, err);
    }
    if (result != PH_OK) {
        return result;
    }
    layers->spool_directory = ph_layers_path(layers->config, "spool");
    return make_directory(layers->spool_directory, err);
}

static int open_segments(struct ph_layers *layers, struct ph_error *err)
{
    const struct ph_config_store *config = &layers->config->root->store;
    char *directory = ph_layers_path(layers->config, "segments");
    const struct ph_segment_options options = {
        .directory = directory,
        .spool_directory = layers->spool_directory,
        .compress_headers = config->compress_headers,
        .compress_bodies = config->compress_bodies,
        .segment_bytes = config->segment_bytes,
        .compact_percent = config->compact_percent,
        .compact_interval_seconds = config->compact_interval_seconds,
        .compact_bytes_per_second = config->compact_bytes_per_second,
        .ids = &layers->ids,
        .clock = &ph_clock_system,
        .log = layers->log,
    };
    int result = ph_segment_store_open(&options, layers->db, &layers->blobs, err);
    free(directory);
    return result;
}

static int open_content(struct ph_layers *layers, struct ph_error *err)
{
    if (!is_cassandra(layers)) {
        return open_segments(layers, err);
    }
    const struct ph_config_root *root = layers->config->root;
    if (is_s3(layers)) {
        return ph_app_s3_open(layers->config, layers->db, &layers->ids, layers->spool_directory, layers->log,
                              &layers->blobs, err);
    }
    const struct ph_cassandra_store_options options = {
        .compress_headers = root->store.compress_headers,
        .compress_bodies = root->store.compress_bodies,
        .is_shared = root->cassandra.shared_with_james,
        .ids = &layers->ids,
        .clock = &ph_clock_system,
        .log = layers->log,
    };
    return ph_cassandra_store_open(&options, layers->db, &layers->blobs, err);
}

static void close_content(struct ph_layers *layers)
{
    if (is_s3(layers)) {
        ph_app_s3_close(&layers->blobs);
    } else if (is_cassandra(layers)) {
        ph_cassandra_store_close(&layers->blobs);
    } else {
        ph_segment_store_close(&layers->blobs);
    }
}

static int open_accounts(struct ph_layers *layers, struct ph_error *err)
{
    const struct ph_config_auth *config = &layers->config->root->auth;
    const struct ph_accounts_options accounts = {
        .db = layers->db,
        .clock = &ph_clock_system,
        .rand = &ph_rand_system,
        .argon2_memory_kib = config->argon2_memory_kib,
        .argon2_passes = config->argon2_passes,
        .is_shared_with_james = is_cassandra(layers) && layers->config->root->cassandra.shared_with_james,
    };
    int result = ph_accounts_new(&accounts, &layers->accounts, err);
    if (result != PH_OK) {
        return result;
    }
    const struct ph_auth_options auth = {
        .accounts = layers->accounts,
        .db = layers->db,
        .clock = &ph_clock_system,
        .rand = &ph_rand_system,
        .log = layers->log,
        .hash_threads = config->hash_threads,
        .hash_queue_max = config->hash_queue,
        .cache_seconds = config->cache_seconds,
        .cache_entries_max = config->cache_entries,
        .failures_before_delay = config->failures_before_delay,
        .failure_delay_ms_max = config->failure_delay_ms,
        .failures_max = config->failures,
        .failure_window_seconds = config->failure_window_seconds,
    };
    return ph_auth_new(&auth, &layers->auth, err);
}

/* Who numbers messages: whoever alone has the store, or what the profile says. */
static enum ph_uids uids(const struct ph_layers *layers)
{
    if (!is_cassandra(layers)) {
        return PH_UIDS_OWNER;
    }
    return layers->config->root->cassandra.profile == PH_CONFIG_PROFILE_LWT ? PH_UIDS_LWT : PH_UIDS_RANDOM;
}

static int open_mailboxes(struct ph_layers *layers, struct ph_error *err)
{
    const struct ph_mailboxes_options options = {
        .db = layers->db,
        .blobs = layers->blobs,
        .ids = &layers->ids,
        .clock = &ph_clock_system,
        .log = layers->log,
        .uids = uids(layers),
        .keeps_floors = is_cassandra(layers) && !layers->config->root->cassandra.shared_with_james,
    };
    return ph_mailboxes_new(&options, &layers->mailboxes, err);
}

static int open_deliveries(struct ph_layers *layers, struct ph_error *err)
{
    const struct ph_config_root *root = layers->config->root;
    const struct ph_deliveries_options options = {
        .mailboxes = layers->mailboxes,
        .blobs = layers->blobs,
        .accounts = layers->accounts,
        .ids = &layers->ids,
        .clock = &ph_clock_system,
        .log = layers->log,
        .hostname = root->hostname,
        .spool_directory = layers->spool_directory,
        .memory_max_bytes = root->limits.message_memory_bytes,
        .message_max_bytes = root->limits.message_bytes,
        .header_max_bytes = root->limits.header_bytes,
        .hops_max = root->limits.hops,
        .subaddress_separator = root->smtp.subaddress_separator[0],
        .postmaster = root->smtp.postmaster[0] == '\0' ? NULL : root->smtp.postmaster,
    };
    return ph_deliveries_new(&options, &layers->deliveries, err);
}

int ph_layers_open(struct ph_layers *layers, const struct ph_config *config, const struct ph_log *log,
                   bool is_brief, struct ph_error *err)
{
    *layers = (struct ph_layers){.config = config, .log = log, .is_brief = is_brief};
    ph_uuid_gen_init(&layers->ids, &ph_clock_system, &ph_rand_system);
    layers->has_ids = true;
    int result = open_database(layers, err);
    if (result == PH_OK) {
        result = open_content(layers, err);
    }
    if (result == PH_OK) {
        result = open_accounts(layers, err);
    }
    if (result == PH_OK) {
        result = open_mailboxes(layers, err);
    }
    if (result == PH_OK) {
        ph_mailboxes_attend_logins(layers->mailboxes, layers->auth);
        result = open_deliveries(layers, err);
    }
    if (result != PH_OK) {
        ph_layers_close(layers);
    }
    return result;
}

void ph_layers_close(struct ph_layers *layers)
{
    if (layers->deliveries != NULL) {
        ph_deliveries_free(&layers->deliveries);
    }
    if (layers->mailboxes != NULL) {
        ph_mailboxes_free(&layers->mailboxes);
    }
    if (layers->auth != NULL) {
        ph_auth_free(&layers->auth);
    }
    if (layers->accounts != NULL) {
        ph_accounts_free(&layers->accounts);
    }
    if (layers->blobs != NULL) {
        close_content(layers);
    }
    if (layers->db != NULL) {
        ph_db_close(&layers->db);
    }
    if (layers->has_ids) {
        ph_uuid_gen_fini(&layers->ids);
        layers->has_ids = false;
    }
    free(layers->spool_directory);
    layers->spool_directory = NULL;
}

const char *ph_layers_engine(const struct ph_config *config)
{
    return config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA ? "cassandra" : "sqlite";
}

static int stop_at_first(struct ph_bytes domain, void *ctx)
{
    (void)domain;
    (void)ctx;
    return 1;
}

bool ph_layers_answer(struct ph_layers *layers)
{
    if (!ph_db_traits(layers->db)->is_local) {
        return true;
    }
    return ph_domain_list(layers->accounts, stop_at_first, NULL, NULL) >= 0;
}

struct ph_admin ph_layers_admin(const struct ph_layers *layers)
{
    return (struct ph_admin){
        .db = layers->db,
        .blobs = layers->blobs,
        .accounts = layers->accounts,
        .auth = layers->auth,
        .mailboxes = layers->mailboxes,
        .deliveries = layers->deliveries,
        .clock = &ph_clock_system,
        .log = layers->log,
        .engine = ph_layers_engine(layers->config),
        .data_dir = layers->config->root->data_dir,
        .version = PH_VERSION,
        .message_max_bytes = layers->config->root->limits.message_bytes,
        .describe_store = is_cassandra(layers) ? ph_app_cassandra_figures : NULL,
    };
}
