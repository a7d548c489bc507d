/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `schema`: the tables of the store, and the statements that are run on those in Cassandra. Needs no server, and no store
 * that is open.
 */
#include <stdlib.h>
#include <sysexits.h>

#include <jansson.h>

#include "app/check_config.h"
#include "app/cli.h"
#include "app/schema.h"
#include "db/cassandra/cql.h"

/* ---- What was found ---- */

struct report {
    const struct ph_cli_call *call;
    json_t *items;
};

static void print_finding(const char *text, const char *statement, void *ctx)
{
    const struct report *report = ctx;
    json_array_append_new(report->items, json_pack("{s:s, s:s?}", "text", text, "statement", statement));
    if (!ph_cli_has(report->call, PH_CLI_JSON)) {
        printf(statement == NULL ? "%s\n" : "%s\n    %s;\n", text, statement);
    }
}

/* ---- --replication dc1=3,dc2=3 ---- */

enum { DATACENTERS_MAX = 64, FACTOR_MAX = 100 };

/* TEXT is cut into pieces, which OUT borrows. */
static int parse_replication(char *text, struct ph_replication out[DATACENTERS_MAX], size_t *out_count,
                             struct ph_error *err)
{
    *out_count = 0;
    char *rest = text;
    for (char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ",")) {
        uint64_t factor = 0;
        char *sign = strchr(one, '=');
        bool is_pair = sign != NULL && sign > one && ph_bytes_to_u64(ph_bytes_str(sign + 1), &factor) &&
                       factor > 0 && factor <= FACTOR_MAX;
        if (!is_pair || strpbrk(one, "'\\{}") != NULL || *out_count == DATACENTERS_MAX) {
            return ph_fail(err, PH_EINVALID,
                           "--replication: expected DATACENTER=REPLICAS,..., as dc1=3,dc2=3, found \"%.80s\"",
                           one);
        }
        *sign = '\0';
        out[(*out_count)++] = (struct ph_replication){one, (unsigned)factor};
    }
    return PH_OK;
}

/* ---- --profile ---- */

static int take_profile(const struct ph_cli_call *call, struct ph_cassandra_keyspace *keyspace,
                        struct ph_error *err)
{
    const char *text = call->values[PH_CLI_PROFILE];
    for (enum ph_cassandra_profile profile = PH_CASSANDRA_LWT; profile <= PH_CASSANDRA_LWT_FREE; profile++) {
        if (text != NULL && strcmp(text, ph_cassandra_profile_name(profile)) == 0) {
            keyspace->profile = profile;
            return PH_OK;
        }
    }
    return text == NULL
               ? PH_OK
               : ph_fail(err, PH_EINVALID, "--profile: expected lwt or lwt-free, found \"%.40s\"", text);
}

/* ---- create, check, upgrade ---- */

static int work(const struct ph_cli_call *call, const struct ph_config *config, enum ph_app_schema_work work,
                struct ph_error *err)
{
    struct report report = {.call = call, .items = json_array()};
    struct ph_replication replication[DATACENTERS_MAX];
    struct ph_app_schema_request request = {
        .work = work,
        .keyspace = ph_app_cassandra_keyspace(config),
        .is_change = ph_cli_has(call, PH_CLI_PROFILE),
        .replication = replication,
    };
    char *text = call->values[PH_CLI_REPLICATION] == NULL ? NULL : strdup(call->values[PH_CLI_REPLICATION]);
    int result = take_profile(call, &request.keyspace, err);
    if (result == PH_OK && text != NULL) {
        result = parse_replication(text, replication, &request.replication_count, err);
    } else if (result == PH_OK && work == PH_APP_SCHEMA_CREATE &&
               config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA) {
        result = ph_fail(
            err, PH_EINVALID,
            "schema create: expected --replication with the copies in each datacenter, as dc1=3,dc2=3");
    }
    bool is_usage = result != PH_OK;
    if (result == PH_OK) {
        result = ph_app_schema(config, &request, print_finding, &report, err);
    }
    int code = result == PH_OK ? EX_OK : is_usage ? EX_USAGE : ph_cli_exit_code(result);
    if (result == PH_OK && work == PH_APP_SCHEMA_CHECK && json_array_size(report.items) > 0) {
        code = EX_DATAERR;
    }
    if (ph_cli_has(call, PH_CLI_JSON) && (result == PH_OK || json_array_size(report.items) > 0)) {
        json_dumpf(report.items, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    if (result != PH_OK) {
        (void)ph_cli_report(call, err);
    }
    json_decref(report.items);
    free(text);
    return code;
}

/* ---- statements ---- */

/* What a name is used for, by how it begins; a longer beginning stands before a shorter one. */
static const struct {
    const char *prefix;
    const char *use;
} uses[] = {
    {"DOMAIN_", "domains: recipients, administration"},
    {"USER_", "users: login, recipients, administration"},
    {"MAPPING_", "aliases: recipients, administration"},
    {"SECRET_", "start"},
    {"MAILBOX_", "mailboxes: login, delivery, administration"},
    {"MESSAGE_COUNTER_", "numbers of messages: delivery"},
    {"MODSEQ_", "numbers of messages: delivery"},
    {"MESSAGE_ID_", "messages by mailbox: delivery, IMAP, deletion, export"},
    {"MESSAGE_", "messages by id: delivery, reading, deletion"},
    {"IMAP_UID_", "messages by id: delivery, reading, flags, deletion"},
    {"POP3_", "maildrops: delivery, login, deletion, repair"},
    {"MAILDROP_", "maildrops: login"},
    {"IMPORT", "import"},
    {"CONTENT_", "content: delivery, reading, deletion"},
    {"BLOB", "content: delivery, reading, deletion"},
    {"TASK_", "long administrative work"},
    {"REPAIR_", "repair"},
    {"METADATA_", "denormalize-metadata"},
    {"SUBSCRIPTION_", "subscriptions: IMAP, removal of a user"},
};

static const char *use_of(const char *name)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (ph_bytes_starts(ph_bytes_str(name), ph_bytes_str(uses[i].prefix))) {
            return uses[i].use;
        }
    }
    return "";
}

/* Guards and looks of a write are reads themselves. */
static const char *kind_of(const struct ph_cql_info *info)
{
    return ph_bytes_starts(ph_bytes_str(info->text), PH_BYTES("SELECT")) ? "read" : "write";
}

static json_t *statement(const struct ph_cql_info *info, unsigned variant)
{
    const struct ph_stmt_info *stmt = ph_stmt_info(info->stmt);
    bool is_conditional = info->role == PH_CQL_ROLE_CONDITIONAL;
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "name", info->name, "statement", stmt->name,
                     "kind", kind_of(info), "role", ph_cql_role_name(info->role), "conditional",
                     (int)is_conditional, "consistency", ph_cql_level_name(info->level, variant), "used",
                     use_of(stmt->name), "text", info->text);
}

static int statements(const struct ph_cli_call *call, const struct ph_config *config, struct ph_error *err)
{
    struct ph_cassandra_keyspace keyspace = ph_app_cassandra_keyspace(config);
    if (take_profile(call, &keyspace, err) != PH_OK) {
        (void)ph_cli_report(call, err);
        return EX_USAGE;
    }
    unsigned variant = ph_cassandra_variant(&keyspace);
    json_t *all = json_array();
    for (unsigned id = 0; id < PH_CQL_ID_COUNT; id++) {
        const struct ph_cql_info *info = ph_cql_info(id);
        if ((info->where & variant) == 0 || info->role == PH_CQL_ROLE_NOTHING) {
            continue;
        }
        json_array_append_new(all, statement(info, variant));
        if (!ph_cli_has(call, PH_CLI_JSON)) {
            const struct ph_stmt_info *stmt = ph_stmt_info(info->stmt);
            printf("%s\t%s\t%s\t%s\t%s\n    %s\n", info->name, kind_of(info), ph_cql_role_name(info->role),
                   ph_cql_level_name(info->level, variant), use_of(stmt->name), info->text);
        }
    }
    if (ph_cli_has(call, PH_CLI_JSON)) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    json_decref(all);
    return EX_OK;
}

int ph_cli_schema(const struct ph_cli_call *call)
{
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    struct ph_error err = {0};
    const char *what = call->command->name + strlen("schema ");
    if (strcmp(what, "statements") == 0) {
        code = statements(call, config, &err);
    } else {
        code = work(call, config,
                    strcmp(what, "create") == 0  ? PH_APP_SCHEMA_CREATE
                    : strcmp(what, "check") == 0 ? PH_APP_SCHEMA_CHECK
                                                 : PH_APP_SCHEMA_UPGRADE,
                    &err);
    }
    ph_config_free(&config);
    return code;
}
