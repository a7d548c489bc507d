/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of whichever store the configuration names: what it lacks, and adding it.
 */
#ifndef PH_APP_SCHEMA_H
#define PH_APP_SCHEMA_H

#include "app/cassandra.h"

/* As ph_app_cassandra_schema. A store in SQLite is made by the first start, so CREATE is PH_EINVALID there; an upgrade is
 * PH_EBUSY while a server has it. */
int ph_app_schema(const struct ph_config *config, const struct ph_app_schema_request *request,
                  void (*each)(const char *text, const char *statement, void *ctx), void *ctx,
                  struct ph_error *err) PH_MUST_USE;

#endif
