/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `backup` and `restore`. To make a backup is an operation, of the server where one runs. To verify and to restore one
 * is done here, and needs no store and no server: they may be what was lost.
 */
#include <stdlib.h>
#include <sysexits.h>

#include <jansson.h>

#include "app/check_config.h"
#include "app/cli.h"
#include "task/backup.h"

static void print_counts(const struct ph_cli_call *call, const struct ph_backup_counts *counts, json_t *wrong)
{
    if (ph_cli_has(call, PH_CLI_JSON)) {
        json_t *all = json_pack("{s:s, s:I, s:I, s:I}", "generation", counts->generation, "files",
                                (json_int_t)counts->files, "octets", (json_int_t)counts->octets, "missing",
                                (json_int_t)counts->missing);
        if (wrong != NULL) {
            json_object_set(all, "wrong", wrong);
        }
        json_dumpf(all, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(all);
        return;
    }
    printf("%s: %llu files, %llu octets\n", counts->generation, (unsigned long long)counts->files,
           (unsigned long long)counts->octets);
    if (counts->missing > 0) {
        printf("%llu segments were missing when it was made: see its manifest\n",
               (unsigned long long)counts->missing);
    }
}

/* ---- Verifying ---- */

struct report {
    const struct ph_cli_call *call;
    json_t *wrong;
};

static void wrong(const char *generation, const char *path, const char *text, void *ctx)
{
    const struct report *report = ctx;
    json_array_append_new(report->wrong,
                          json_pack("{s:s, s:s, s:s}", "generation", generation, "path", path, "text", text));
    if (!ph_cli_has(report->call, PH_CLI_JSON)) {
        printf("%s\t%s\t%s\n", generation, path, text);
    }
}

static int verify(const struct ph_cli_call *call)
{
    struct report report = {.call = call, .wrong = json_array()};
    struct ph_backup_counts counts;
    struct ph_error err = {0};
    int result =
        ph_backup_verify(call->words[0], call->values[PH_CLI_GENERATION], wrong, &report, &counts, &err);
    int code = EX_OK;
    if (result != PH_OK) {
        code = ph_cli_report(call, &err);
    } else {
        print_counts(call, &counts, report.wrong);
        code = json_array_size(report.wrong) > 0 ? EX_DATAERR : EX_OK;
    }
    json_decref(report.wrong);
    return code;
}

int ph_cli_backup(const struct ph_cli_call *call)
{
    return ph_cli_has(call, PH_CLI_VERIFY) ? verify(call) : ph_cli_operation(call);
}

/* ---- Restoring ---- */

int ph_cli_restore(const struct ph_cli_call *call)
{
    struct ph_config *config = NULL;
    const char *target = call->values[PH_CLI_TO];
    if (target == NULL) {
        int code = ph_cli_load_config(call, &config);
        if (code != EX_OK) {
            return code;
        }
        target = config->root->data_dir;
        if (config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA) {
            struct ph_error is_elsewhere = {0};
            (void)ph_fail(
                &is_elsewhere, PH_EINVALID,
                "restore is for the embedded store (--to names a directory for it). On Cassandra: the snapshots "
                "of nodetool; see docs/cassandra.md");
            ph_config_free(&config);
            return ph_cli_report(call, &is_elsewhere);
        }
    }
    struct ph_backup_counts counts;
    struct ph_error err = {0};
    int result = ph_backup_restore(call->words[0], call->values[PH_CLI_GENERATION], target, &counts, &err);
    if (result == PH_OK) {
        print_counts(call, &counts, NULL);
    }
    ph_config_free(&config);
    return result == PH_OK ? EX_OK : ph_cli_report(call, &err);
}
