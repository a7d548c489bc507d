/* SPDX-License-Identifier: Apache-2.0 */
#include "db/statement.h"

#include <assert.h>

static const struct ph_stmt_info infos[] = {
#define X(name, kind, condition, sql) {#name, PH_STMT_##kind, PH_STMT_##condition, sql},
#include "db/statements.def"
#undef X
    {"", PH_STMT_READ, PH_STMT_PLAIN, ""},
};

const struct ph_stmt_info *ph_stmt_info(enum ph_stmt stmt)
{
    assert((unsigned)stmt < PH_STMT_COUNT);
    return &infos[stmt];
}
