/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there is read from system_schema, all of the keyspace at once; what is needed is one list in the order of
 * schema_tables.def, a table or type with its columns or fields behind it.
 */
#include "db/cassandra/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"

/* ---- What is needed ---- */

enum {
    OWN = PH_CASSANDRA_LWT_OWN | PH_CASSANDRA_FREE_OWN,
    JAMES = PH_CASSANDRA_LWT_JAMES | PH_CASSANDRA_FREE_JAMES,
    ALL = OWN | JAMES,
};

enum part_kind { TABLE, TYPE, PARTITION, CLUSTERING, STATIC, COLUMN, THEIRS, FIELD };

struct part {
    enum part_kind kind;
    unsigned where;   /* of a table or type */
    const char *name; /* as we write it; Cassandra has it in lower case */
    const char *type; /* of a table: its options */
};

static const struct part parts[] = {
#define TABLE(name, where, options) {TABLE, where, #name, options},
#define TYPE(name, where) {TYPE, where, #name, NULL},
#define PARTITION(name, type) {PARTITION, 0, #name, type},
#define CLUSTERING(name, type) {CLUSTERING, 0, #name, type},
#define STATIC(name, type) {STATIC, 0, #name, type},
#define COLUMN(name, type) {COLUMN, 0, #name, type},
#define OURS(name, type) {COLUMN, 0, #name, type},
#define THEIRS(name, type) {THEIRS, 0, #name, type},
#define FIELD(name, type) {FIELD, 0, #name, type},
#include "db/cassandra/schema_tables.def"
#undef TABLE
#undef TYPE
#undef PARTITION
#undef CLUSTERING
#undef STATIC
#undef COLUMN
#undef OURS
#undef THEIRS
#undef FIELD
};
enum { PART_COUNT = sizeof parts / sizeof parts[0] };

static bool is_head(const struct part *part)
{
    return part->kind == TABLE || part->kind == TYPE;
}

/* Behind the last column of HEAD's. */
static const struct part *end_of(const struct part *head)
{
    const struct part *part = head + 1;
    while (part < parts + PART_COUNT && !is_head(part)) {
        part++;
    }
    return part;
}

/* ---- Statements ---- */

static void names_of(const struct part *head, enum part_kind kind, struct ph_buf *out)
{
    bool is_first = true;
    for (const struct part *part = head + 1; part < end_of(head); part++) {
        if (part->kind == kind) {
            ph_buf_printf(out, "%s%s", is_first ? "" : ", ", part->name);
            is_first = false;
        }
    }
}

static bool has(const struct part *head, enum part_kind kind)
{
    for (const struct part *part = head + 1; part < end_of(head); part++) {
        if (part->kind == kind) {
            return true;
        }
    }
    return false;
}

static void write_create(const char *keyspace, const struct part *head, struct ph_buf *out)
{
    ph_buf_printf(out, "CREATE %s IF NOT EXISTS %s.%s (", head->kind == TABLE ? "TABLE" : "TYPE", keyspace,
                  head->name);
    for (const struct part *part = head + 1; part < end_of(head); part++) {
        ph_buf_printf(out, "%s%s %s%s", part == head + 1 ? "" : ", ", part->name, part->type,
                      part->kind == STATIC ? " static" : "");
    }
    if (head->kind == TABLE) {
        ph_buf_str(out, ", PRIMARY KEY ((");
        names_of(head, PARTITION, out);
        ph_buf_str(out, ")");
        if (has(head, CLUSTERING)) {
            ph_buf_str(out, ", ");
            names_of(head, CLUSTERING, out);
        }
        ph_buf_printf(out, ")) WITH %s", head->type);
    } else {
        ph_buf_str(out, ")");
    }
}

static void write_add(const char *keyspace, const struct part *head, const struct part *part,
                      struct ph_buf *out)
{
    ph_buf_printf(out, "ALTER %s %s.%s ADD %s %s%s", head->kind == TABLE ? "TABLE" : "TYPE", keyspace,
                  head->name, part->name, part->type, part->kind == STATIC ? " static" : "");
}

/* ---- Findings ---- */

enum { STATEMENT_MAX = 4096, ADD_RETRIES = 10, ADD_PAUSE_S = 1 };

/* TEXT's and STATEMENT's contents become the finding's. An empty statement is none. */
static void add_finding(struct ph_schema_findings *findings, struct ph_buf *text, struct ph_buf *statement)
{
    findings->list = ph_realloc(findings->list, (findings->count + 1) * sizeof findings->list[0]);
    bool is_mendable = statement->len > 0;
    findings->list[findings->count++] = (struct ph_schema_finding){
        .text = ph_bytes_dup(ph_buf_view(text)),
        .statement = is_mendable ? ph_bytes_dup(ph_buf_view(statement)) : NULL,
    };
    findings->unmendable += is_mendable ? 0 : 1;
    ph_buf_fini(text);
    ph_buf_fini(statement);
}

void ph_schema_findings_free(struct ph_schema_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free((char *)(uintptr_t)findings->list[i].text);
        free((char *)(uintptr_t)findings->list[i].statement);
    }
    free(findings->list);
    *findings = (struct ph_schema_findings){0};
}

/* ---- What is there ---- */

/* A row of system_schema.columns, or a field of one of system_schema.types. */
struct present {
    struct ph_bytes owner; /* of all of it: the table or type */
    struct ph_bytes name;
    struct ph_bytes type;
    struct ph_bytes kind; /* "partition_key", "clustering", "static", "regular"; of a field empty */
    int32_t position;     /* in the key */
    bool is_field;
};

struct presence {
    struct ph_cql_result *columns;
    struct ph_cql_result *types; /* the views are of these two */
    struct present *list;
    size_t count;
};

static void presence_free(struct presence *presence)
{
    if (presence->columns != NULL) {
        ph_cql_result_free(presence->columns);
    }
    if (presence->types != NULL) {
        ph_cql_result_free(presence->types);
    }
    free(presence->list);
    *presence = (struct presence){0};
}

static struct ph_bytes cell(const struct ph_cql_result *result, size_t row, size_t column)
{
    const uint8_t *ptr;
    size_t len;
    return ph_cql_result_cell(result, row, column, &ptr, &len) ? ph_bytes_of(ptr, len) : (struct ph_bytes){0};
}

static bool take_i32(struct ph_bytes *rest, int32_t *out_value)
{
    if (rest->len < 4) {
        return false;
    }
    *out_value = (int32_t)((uint32_t)rest->ptr[0] << 24 | (uint32_t)rest->ptr[1] << 16 |
                           (uint32_t)rest->ptr[2] << 8 | (uint32_t)rest->ptr[3]);
    *rest = ph_bytes_from(*rest, 4);
    return true;
}

/* The next element of a list<text>, as the protocol writes it. */
static bool take_element(struct ph_bytes *rest, struct ph_bytes *out_element)
{
    int32_t len;
    if (!take_i32(rest, &len) || len < 0 || (size_t)len > rest->len) {
        return false;
    }
    *out_element = ph_bytes_first(*rest, (size_t)len);
    *rest = ph_bytes_from(*rest, (size_t)len);
    return true;
}

static void add_present(struct presence *presence, const struct present *present)
{
    presence->list = ph_realloc(presence->list, (presence->count + 1) * sizeof presence->list[0]);
    presence->list[presence->count++] = *present;
}

static int ask(struct ph_cql_session *session, const char *what, const char *keyspace,
               struct ph_cql_result **out_result, struct ph_error *err)
{
    char text[256];
    char error[PH_CQL_ERROR_MAX];
    snprintf(text, sizeof text, "SELECT %s WHERE keyspace_name = '%s'", what, keyspace);
    enum ph_cql_status status = ph_cql_run(session, text, out_result, error);
    return status == PH_CQL_OK ? PH_OK : ph_cassandra_fail(err, status, false, what, error);
}

static int read_presence(struct ph_cql_session *session, const char *keyspace, struct presence *out_presence,
                         struct ph_error *err)
{
    *out_presence = (struct presence){0};
    struct ph_cql_result *keyspaces = NULL;
    int result = ask(session, "keyspace_name FROM system_schema.keyspaces", keyspace, &keyspaces, err);
    if (result != PH_OK) {
        return result;
    }
    bool is_there = ph_cql_result_row_count(keyspaces) > 0;
    ph_cql_result_free(keyspaces);
    if (!is_there) {
        return ph_fail(err, PH_EINVALID, "there is no keyspace %s: run `posthouse schema create`", keyspace);
    }
    result = ask(session, "table_name, column_name, type, kind, position FROM system_schema.columns",
                 keyspace, &out_presence->columns, err);
    if (result == PH_OK) {
        result = ask(session, "type_name, field_names, field_types FROM system_schema.types", keyspace,
                     &out_presence->types, err);
    }
    if (result != PH_OK) {
        presence_free(out_presence);
        return result;
    }
    const struct ph_cql_result *columns = out_presence->columns;
    for (size_t row = 0; row < ph_cql_result_row_count(columns); row++) {
        struct present present = {
            .owner = cell(columns, row, 0),
            .name = cell(columns, row, 1),
            .type = cell(columns, row, 2),
            .kind = cell(columns, row, 3),
        };
        struct ph_bytes position = cell(columns, row, 4);
        (void)take_i32(&position, &present.position);
        add_present(out_presence, &present);
    }
    const struct ph_cql_result *types = out_presence->types;
    for (size_t row = 0; row < ph_cql_result_row_count(types); row++) {
        struct present present = {.owner = cell(types, row, 0), .is_field = true};
        struct ph_bytes field_names = cell(types, row, 1);
        struct ph_bytes field_types = cell(types, row, 2);
        int32_t count;
        (void)take_i32(&field_names, &count);
        (void)take_i32(&field_types, &count);
        while (take_element(&field_names, &present.name) && take_element(&field_types, &present.type)) {
            add_present(out_presence, &present);
        }
    }
    return PH_OK;
}

static bool owner_is_there(const struct presence *presence, const struct part *head)
{
    for (size_t i = 0; i < presence->count; i++) {
        const struct present *present = &presence->list[i];
        if (present->is_field == (head->kind == TYPE) &&
            ph_bytes_ieq(present->owner, ph_bytes_str(head->name))) {
            return true;
        }
    }
    return false;
}

static const struct present *find_present(const struct presence *presence, const struct part *head,
                                          const struct part *part)
{
    for (size_t i = 0; i < presence->count; i++) {
        const struct present *present = &presence->list[i];
        if (present->is_field == (head->kind == TYPE) &&
            ph_bytes_ieq(present->owner, ph_bytes_str(head->name)) &&
            ph_bytes_ieq(present->name, ph_bytes_str(part->name))) {
            return present;
        }
    }
    return NULL;
}

/* ---- Comparing ---- */

/* Whether one value fits both. A user-defined type that is not frozen takes the same values as one that is: older
 * versions of James froze it. */
static bool types_agree(struct ph_bytes found, struct ph_bytes wanted)
{
    struct ph_bytes frozen = PH_BYTES("frozen<");
    if (ph_bytes_ieq(found, wanted)) {
        return true;
    }
    if (ph_bytes_starts(found, frozen) != ph_bytes_starts(wanted, frozen)) {
        struct ph_bytes *longer = ph_bytes_starts(found, frozen) ? &found : &wanted;
        *longer = ph_bytes_from(*longer, frozen.len);
        longer->len -= 1;
        return ph_bytes_ieq(found, wanted);
    }
    return false;
}

static const char *kind_name(enum part_kind kind)
{
    switch (kind) {
    case PARTITION: return "partition_key";
    case CLUSTERING: return "clustering";
    case STATIC: return "static";
    case FIELD: return "";
    default: return "regular";
    }
}

static void compare(const char *keyspace, const struct presence *presence, const struct part *head,
                    const struct part *part, int32_t position, struct ph_schema_findings *findings)
{
    struct ph_buf text = PH_BUF(STATEMENT_MAX);
    struct ph_buf statement = PH_BUF(STATEMENT_MAX);
    const char *owner_kind = head->kind == TABLE ? "table" : "type";
    const struct present *present = find_present(presence, head, part);
    bool is_key = part->kind == PARTITION || part->kind == CLUSTERING;
    if (present == NULL) {
        if (part->kind == THEIRS) {
            return;
        }
        ph_buf_printf(&text, "%s %s: no %s %s", owner_kind, head->name,
                      part->kind == FIELD ? "field" : "column", part->name);
        if (!is_key) {
            write_add(keyspace, head, part, &statement);
        }
    } else if (!types_agree(present->type, ph_bytes_str(part->type))) {
        ph_buf_printf(&text, "%s %s: %s is of type %.*s, not %s", owner_kind, head->name, part->name,
                      (int)present->type.len, (const char *)present->type.ptr, part->type);
    } else if (!ph_bytes_eq(present->kind, ph_bytes_str(kind_name(part->kind))) ||
               (is_key && present->position != position)) {
        ph_buf_printf(&text, "%s %s: %s has another place in the key", owner_kind, head->name, part->name);
    } else {
        return;
    }
    add_finding(findings, &text, &statement);
}

static void compare_all(const struct ph_cassandra_keyspace *keyspace, const struct presence *presence,
                        struct ph_schema_findings *findings)
{
    const struct part *head = parts;
    while (head < parts + PART_COUNT) {
        const struct part *end = end_of(head);
        if ((head->where & ph_cassandra_variant(keyspace)) == 0) {
            head = end;
            continue;
        }
        if (!owner_is_there(presence, head)) {
            struct ph_buf text = PH_BUF(STATEMENT_MAX);
            struct ph_buf statement = PH_BUF(STATEMENT_MAX);
            ph_buf_printf(&text, "no %s %s", head->kind == TABLE ? "table" : "type", head->name);
            write_create(keyspace->name, head, &statement);
            add_finding(findings, &text, &statement);
            head = end;
            continue;
        }
        int32_t positions[FIELD + 1] = {0};
        for (const struct part *part = head + 1; part < end; part++) {
            compare(keyspace->name, presence, head, part, positions[part->kind]++, findings);
        }
        head = end;
    }
}

int ph_cassandra_schema_check(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                              struct ph_schema_findings *out_findings, struct ph_error *err)
{
    *out_findings = (struct ph_schema_findings){0};
    struct presence presence;
    int result = read_presence(session, keyspace->name, &presence, err);
    if (result == PH_OK) {
        compare_all(keyspace, &presence, out_findings);
        presence_free(&presence);
    }
    return result;
}

/* ---- Changing ---- */

static int run(struct ph_cql_session *session, const char *text, struct ph_error *err)
{
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_result *result = NULL;
    enum ph_cql_status status = ph_cql_run(session, text, &result, error);
    if (status != PH_CQL_OK) {
        return ph_cassandra_fail(err, status, true, text, error);
    }
    ph_cql_result_free(result);
    return PH_OK;
}

static int run_all(struct ph_cql_session *session, const struct ph_schema_findings *findings,
                   struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < findings->count; i++) {
        result = run(session, findings->list[i].statement, err);
    }
    return result;
}

/* Runs FINDINGS' statements. A change of tables takes all nodes, so a busy cluster may leave one open: then what is
 * still missing is looked for again. */
static int add_missing(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                       const struct ph_schema_findings *findings, struct ph_error *err)
{
    int result = run_all(session, findings, err);
    for (unsigned i = 0; i < ADD_RETRIES && (result == PH_EUNKNOWN_OUTCOME || result == PH_EUNAVAILABLE);
         i++) {
        const struct timespec pause = {.tv_sec = ADD_PAUSE_S};
        nanosleep(&pause, NULL);
        struct ph_schema_findings left;
        result = ph_cassandra_schema_check(session, keyspace, &left, err);
        if (result == PH_OK) {
            result = run_all(session, &left, err);
        }
        ph_schema_findings_free(&left);
    }
    return result;
}

/* Whether the keyspace may be called what KEYSPACE says. */
static int check_change(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                        bool is_change, struct ph_error *err)
{
    struct ph_cassandra_remembered remembered;
    int result = ph_cassandra_remembered_read(session, keyspace->name, &remembered, err);
    if (result != PH_OK || !remembered.is_there) {
        return result;
    }
    if (!is_change) {
        return ph_cassandra_remembered_agree(&remembered, keyspace, err);
    }
    /* Content lies in other tables, in another form. */
    if (remembered.is_shared != keyspace->is_shared) {
        return ph_fail(err, PH_EINVALID,
                       "keyspace %s is %sshared with James, and that stays: its content lies accordingly",
                       keyspace->name, remembered.is_shared ? "" : "not ");
    }
    /* Random UIDs leave no counter behind from which a profile that counts could go on. */
    if (remembered.profile == PH_CASSANDRA_LWT_FREE && keyspace->profile == PH_CASSANDRA_LWT) {
        return ph_fail(
            err, PH_EINVALID,
            "keyspace %s is of profile lwt-free: its UIDs are random, and lwt cannot count on from them",
            keyspace->name);
    }
    return PH_OK;
}

int ph_cassandra_schema_upgrade(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                                bool is_change, struct ph_schema_findings *out_done, struct ph_error *err)
{
    int result = ph_cassandra_schema_check(session, keyspace, out_done, err);
    if (result != PH_OK) {
        return result;
    }
    if (out_done->unmendable > 0) {
        return ph_fail(err, PH_EINVALID, "keyspace %s: %zu tables or columns are not what they should be",
                       keyspace->name, out_done->unmendable);
    }
    bool is_new = false; /* has no settings yet */
    for (size_t i = 0; i < out_done->count; i++) {
        is_new = is_new || strcmp(out_done->list[i].text, "no table settings") == 0;
    }
    if (!is_new) {
        result = check_change(session, keyspace, is_change, err);
    }
    if (result == PH_OK) {
        result = add_missing(session, keyspace, out_done, err);
    }
    return result == PH_OK ? ph_cassandra_remembered_write(session, keyspace, err) : result;
}

int ph_cassandra_schema_create(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                               const struct ph_replication *replication, size_t replication_count,
                               struct ph_schema_findings *out_done, struct ph_error *err)
{
    *out_done = (struct ph_schema_findings){0};
    if (!ph_cassandra_keyspace_name_is_valid(keyspace->name)) {
        return ph_fail(err, PH_EINVALID, "%.60s is no name for a keyspace", keyspace->name);
    }
    struct ph_buf text = PH_BUF(STATEMENT_MAX);
    ph_buf_printf(&text,
                  "CREATE KEYSPACE IF NOT EXISTS %s WITH replication = {'class': 'NetworkTopologyStrategy'",
                  keyspace->name);
    for (size_t i = 0; i < replication_count; i++) {
        ph_buf_printf(&text, ", '%s': %u", replication[i].datacenter, replication[i].factor);
    }
    ph_buf_str(&text, "} AND durable_writes = true");
    int result = run(session, ph_buf_cstr(&text), err);
    ph_buf_fini(&text);
    return result == PH_OK ? ph_cassandra_schema_upgrade(session, keyspace, false, out_done, err) : result;
}

/* ---- Starting ---- */

int ph_cassandra_schema_verify(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                               struct ph_schema_findings *out_findings, struct ph_error *err)
{
    struct ph_cassandra_remembered remembered = {0};
    *out_findings = (struct ph_schema_findings){0};
    /* First of all: a keyspace of another kind has other tables. */
    int known = ph_cassandra_remembered_read(session, keyspace->name, &remembered, err);
    if (known != PH_OK && known != PH_EINVALID) {
        return known;
    }
    if (known == PH_OK && remembered.is_there) {
        known = ph_cassandra_remembered_agree(&remembered, keyspace, err);
        if (known != PH_OK) {
            return known;
        }
    }
    int result = ph_cassandra_schema_check(session, keyspace, out_findings, err);
    if (result != PH_OK) {
        return result;
    }
    if (out_findings->count > 0) {
        return ph_fail(
            err, PH_EINVALID,
            "keyspace %s lacks %zu of its tables and columns, first: %.60s; `posthouse schema check` lists "
            "them, `posthouse schema upgrade` adds them",
            keyspace->name, out_findings->count, out_findings->list[0].text);
    }
    return known == PH_OK ? ph_cassandra_remembered_agree(&remembered, keyspace, err) : known;
}
