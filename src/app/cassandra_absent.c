/* SPDX-License-Identifier: Apache-2.0 */
/* For a build without Cassandra. */
#include "app/cassandra.h"

static int refuse(struct ph_error *err)
{
    return ph_fail(err, PH_EINVALID, "this posthouse was built without Cassandra (meson option -Dcassandra)");
}

int ph_app_cassandra_open(const struct ph_config *config, const struct ph_log *log, bool is_brief,
                          struct ph_db **out_db, struct ph_error *err)
{
    (void)config;
    (void)log;
    (void)is_brief;
    *out_db = NULL;
    return refuse(err);
}

json_t *ph_app_cassandra_figures(struct ph_db *db)
{
    (void)db;
    return json_null();
}

int ph_app_cassandra_schema(const struct ph_config *config, const struct ph_app_schema_request *request,
                            void (*each)(const char *text, const char *statement, void *ctx), void *ctx,
                            struct ph_error *err)
{
    (void)config;
    (void)request;
    (void)each;
    (void)ctx;
    return refuse(err);
}

int ph_app_cassandra_check(const struct ph_config *config, struct ph_error *err)
{
    (void)config;
    return refuse(err);
}
