/* SPDX-License-Identifier: Apache-2.0 */
#include "app/schema.h"

#include "db/sqlite/sqlite.h"

int ph_app_schema(const struct ph_config *config, const struct ph_app_schema_request *request,
                  void (*each)(const char *text, const char *statement, void *ctx), void *ctx,
                  struct ph_error *err)
{
    if (config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA) {
        return ph_app_cassandra_schema(config, request, each, ctx, err);
    }
    if (request->work == PH_APP_SCHEMA_CREATE) {
        return ph_fail(err, PH_EINVALID, "a store in SQLite is made when the server first starts");
    }
    return ph_sqlite_schema_work(config->root->data_dir, request->work == PH_APP_SCHEMA_UPGRADE, each, ctx,
                                 err);
}
