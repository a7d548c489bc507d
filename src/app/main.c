/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of the binary: reads the command line and hands over to the command's function.
 */
#include <sysexits.h>

#include "app/cli.h"

static int (*const runners[PH_CLI_KIND_COUNT])(const struct ph_cli_call *call) = {
    [PH_CLI_KIND_IMPORT] = ph_cli_import,
    [PH_CLI_KIND_EXPORT] = ph_cli_export,
    [PH_CLI_KIND_OPERATION] = ph_cli_operation,
    [PH_CLI_KIND_SERVE] = ph_cli_serve,
    [PH_CLI_KIND_CHECK_CONFIG] = ph_cli_check_config,
    [PH_CLI_KIND_INIT] = ph_cli_init,
    [PH_CLI_KIND_VERSION] = ph_cli_version,
    [PH_CLI_KIND_BACKUP] = ph_cli_backup,
    [PH_CLI_KIND_RESTORE] = ph_cli_restore,
    [PH_CLI_KIND_SCHEMA] = ph_cli_schema,
};

int main(int argc, char **argv)
{
    struct ph_cli_call call;
    struct ph_error err = {0};
    if (ph_cli_parse(argc, argv, &call, &err) != PH_OK) {
        fprintf(stderr, "posthouse: %s\n", err.text);
        fprintf(stderr, "`posthouse --help` lists the commands.\n");
        return EX_USAGE;
    }
    if (ph_cli_has(&call, PH_CLI_HELP)) {
        ph_cli_help(stdout, call.command, call.word_count > 0 ? call.words[0] : NULL);
        return EX_OK;
    }
    int code = runners[call.command->kind](&call);
    if (fflush(stdout) != 0 && code == EX_OK) {
        perror("posthouse: standard output");
        return EX_IOERR;
    }
    return code;
}
