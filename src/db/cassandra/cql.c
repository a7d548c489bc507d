/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/cql.h"

#include <assert.h>
#include <ctype.h>

#include "base/buf.h"

enum {
    LWT = PH_CASSANDRA_LWT_OWN | PH_CASSANDRA_LWT_JAMES,
    FREE = PH_CASSANDRA_FREE_OWN | PH_CASSANDRA_FREE_JAMES,
    OWN = PH_CASSANDRA_LWT_OWN | PH_CASSANDRA_FREE_OWN,
    JAMES = PH_CASSANDRA_LWT_JAMES | PH_CASSANDRA_FREE_JAMES,
    ALL = LWT | FREE,
    LWT_OWN = PH_CASSANDRA_LWT_OWN,
    FREE_OWN = PH_CASSANDRA_FREE_OWN,
    TEXT_BYTES_MAX = 4096,
};

static const struct ph_cql_info infos[] = {
#define CQL(id, stmt, where, role, level, text) \
    {#id, PH_STMT_##stmt, (where), PH_CQL_ROLE_##role, PH_CQL_LEVEL_##level, text},
#include "db/cassandra/cql.def"
#undef CQL
    {"", PH_STMT_COUNT, 0, PH_CQL_ROLE_NOTHING, PH_CQL_LEVEL_REGULAR, ""},
};

const struct ph_cql_info *ph_cql_info(enum ph_cql_id id)
{
    assert((unsigned)id < PH_CQL_ID_COUNT);
    return &infos[id];
}

const char *ph_cql_role_name(enum ph_cql_role role)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        PH_CQL_ROLES(NAME)
#undef NAME
    };
    return names[role];
}

const char *ph_cql_level_name(enum ph_cql_level level, unsigned variant)
{
    bool is_lwt = (variant & LWT) != 0;
    switch (level) {
    case PH_CQL_LEVEL_ONE: return "LOCAL_ONE";
    case PH_CQL_LEVEL_EACH: return "EACH_QUORUM";
    case PH_CQL_LEVEL_SERIAL: return is_lwt ? "SERIAL" : "LOCAL_QUORUM";
    case PH_CQL_LEVEL_REGULAR: break;
    }
    return is_lwt ? "QUORUM" : "LOCAL_QUORUM";
}

/* ---- A text made ready ---- */

/* The length of "FROM ", "INTO " or "UPDATE " where a table's name is next; 0 elsewhere. */
static size_t table_follows(const char *text, size_t at)
{
    static const char *const words[] = {"FROM ", "INTO ", "UPDATE "};
    if (at > 0 && text[at - 1] != ' ') {
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(text + at, words[i], strlen(words[i])) == 0) {
            return strlen(words[i]);
        }
    }
    return 0;
}

static int read_param(const char *text, size_t *at, struct ph_cql_ready *ready, struct ph_error *err)
{
    unsigned number = 0;
    size_t from = ++*at;
    while (isdigit((unsigned char)text[*at]) && number <= PH_CQL_PARAMS_MAX) {
        number = number * 10 + (unsigned)(text[(*at)++] - '0');
    }
    if (*at == from || number > PH_CQL_PARAMS_MAX || ready->param_count == PH_CQL_PARAMS_MAX) {
        return ph_fail(err, PH_EBUG, "a parameter without number, or too many: %s", text);
    }
    char form = 0;
    if (isalpha((unsigned char)text[*at])) {
        form = text[(*at)++];
        if (strchr("pranudt", form) == NULL || (number == 0) != (form == 't')) {
            return ph_fail(err, PH_EBUG, "no form %c of a parameter: %s", form, text);
        }
    }
    ready->params[ready->param_count++] = (struct ph_cql_param){(uint8_t)number, form};
    return PH_OK;
}

int ph_cql_make_ready(const char *text, const char *keyspace, struct ph_cql_ready *out_ready,
                      struct ph_error *err)
{
    struct ph_buf out = PH_BUF(TEXT_BYTES_MAX);
    int result = PH_OK;
    *out_ready = (struct ph_cql_ready){0};
    size_t at = 0;
    while (text[at] != '\0' && result == PH_OK) {
        size_t word = table_follows(text, at);
        if (word > 0) {
            ph_buf_append(&out, text + at, word);
            ph_buf_str(&out, keyspace);
            ph_buf_byte(&out, '.');
            at += word;
        } else if (text[at] == '?') {
            ph_buf_byte(&out, '?');
            result = read_param(text, &at, out_ready, err);
        } else {
            ph_buf_byte(&out, (uint8_t)text[at++]);
        }
    }
    if (result == PH_OK && out.has_overflowed) {
        result = ph_fail(err, PH_EBUG, "a statement that is too long: %.60s", text);
    }
    if (result == PH_OK) {
        out_ready->text = ph_bytes_dup(ph_buf_view(&out));
    }
    ph_buf_fini(&out);
    return result;
}
