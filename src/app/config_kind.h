/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text of the configuration must be: a path, an address, a network ... Pure functions.
 */
#ifndef PH_APP_CONFIG_KIND_H
#define PH_APP_CONFIG_KIND_H

#include "app/config_table.h"

bool ph_config_kind_has(enum ph_config_kind kind, struct ph_bytes text);
/* For a message: "an absolute path". */
const char *ph_config_kind_name(enum ph_config_kind kind);

#endif
