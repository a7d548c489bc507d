/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cassandra as the configuration says it: the database of the layers, and the work on its schema. A build without
 * Cassandra has these functions too (cassandra_absent.c), and they say that.
 *
 * All block. PH_EUNAVAILABLE: no node of the local datacenter answers. PH_EDENIED: the login at Cassandra.
 */
#ifndef PH_APP_CASSANDRA_H
#define PH_APP_CASSANDRA_H

#include <jansson.h>

#include "app/config.h"
#include "base/log.h"
#include "db/cassandra/schema.h"
#include "db/db.h"

/* IS_BRIEF: for one command, that prepares only what it uses. */
int ph_app_cassandra_open(const struct ph_config *config, const struct ph_log *log, bool is_brief,
                          struct ph_db **out_db, struct ph_error *err) PH_MUST_USE;

/* Keyspace, profile and nodes, for `status`. */
json_t *ph_app_cassandra_figures(struct ph_db *db);

enum ph_app_schema_work { PH_APP_SCHEMA_CREATE, PH_APP_SCHEMA_CHECK, PH_APP_SCHEMA_UPGRADE };

struct ph_app_schema_request {
    enum ph_app_schema_work work;
    struct ph_cassandra_keyspace keyspace;
    bool is_change; /* an upgrade makes the keyspace what `keyspace` says */
    const struct ph_replication *replication;
    size_t replication_count;
};

/* Calls EACH for everything that is missing (CHECK) or was (else); STATEMENT is NULL where none adds it. */
int ph_app_cassandra_schema(const struct ph_config *config, const struct ph_app_schema_request *request,
                            void (*each)(const char *text, const char *statement, void *ctx), void *ctx,
                            struct ph_error *err) PH_MUST_USE;

/* Whether the files that the section names can be read. */
int ph_app_cassandra_check(const struct ph_config *config, struct ph_error *err) PH_MUST_USE;

static inline struct ph_cassandra_keyspace ph_app_cassandra_keyspace(const struct ph_config *config)
{
    const struct ph_config_cassandra *section = &config->root->cassandra;
    return (struct ph_cassandra_keyspace){
        .name = section->keyspace,
        .profile = section->profile == PH_CONFIG_PROFILE_LWT ? PH_CASSANDRA_LWT : PH_CASSANDRA_LWT_FREE,
        .is_shared = section->shared_with_james,
    };
}

#endif
