/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that are administrative operations: asked of the server where one runs, else done here, with the store's
 * lock held.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/client.h"
#include "app/check_config.h"
#include "app/cli.h"
#include "app/input.h"
#include "app/layers.h"
#include "app/output.h"
#include "base/mem.h"

enum { MEMORY_BYTES = 1 << 20, LOCK_PATIENCE_MS = 10000, LOCK_PAUSE_MS = 50 };

/* ---- Arguments ---- */

static int put_text(json_t *object, const char *key, const char *text, struct ph_error *err)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        return ph_fail(err, PH_EINVALID, "%s: expected UTF-8, found other octets", key);
    }
    json_object_set_new(object, key, value);
    return PH_OK;
}

static int put_list(json_t *object, const char *key, const char *const *words, size_t count,
                    struct ph_error *err)
{
    json_t *list = json_array();
    json_object_set_new(object, key, list);
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_string(words[i]);
        if (value == NULL) {
            return ph_fail(err, PH_EINVALID, "%s: expected UTF-8, found other octets", key);
        }
        json_array_append_new(list, value);
    }
    return PH_OK;
}

/* The words by their names in the table, in lower case. */
static int put_words(const struct ph_cli_call *call, json_t *object, struct ph_error *err)
{
    struct ph_bytes rest = ph_bytes_str(call->command->arguments);
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < call->word_count; i++) {
        bool is_optional = false;
        bool is_repeated = false;
        struct ph_bytes name = ph_cli_next_argument(&rest, &is_optional, &is_repeated);
        char key[32] = "";
        for (size_t at = 0; at < name.len && at + 1 < sizeof key; at++) {
            key[at] = ph_ascii_lower((char)name.ptr[at]);
        }
        if (is_repeated) {
            return put_list(object, key, call->words + i, call->word_count - i, err);
        }
        result = put_text(object, key, call->words[i], err);
    }
    return result;
}

/* Who runs the command, at this host. */
static int put_sender(const struct ph_cli_call *call, const struct ph_config *config, json_t *object,
                      struct ph_error *err)
{
    if (call->values[PH_CLI_SENDER] != NULL) {
        return put_text(object, "sender", call->values[PH_CLI_SENDER], err);
    }
    struct passwd entry;
    struct passwd *found = NULL;
    char space[1024];
    char sender[512] = "";
    if (getpwuid_r(getuid(), &entry, space, sizeof space, &found) == 0 && found != NULL) {
        snprintf(sender, sizeof sender, "%s@%s", entry.pw_name, config->root->hostname);
    }
    return put_text(object, "sender", sender, err);
}

static void put_flag(const struct ph_cli_call *call, enum ph_cli_option option, json_t *object,
                     const char *key)
{
    if (ph_cli_has(call, option)) {
        json_object_set_new(object, key, json_true());
    }
}

/* The server has another working directory. */
static int complete_directory(json_t *object, struct ph_error *err)
{
    const char *path = json_string_value(json_object_get(object, "directory"));
    if (path == NULL || path[0] == '/') {
        return PH_OK;
    }
    char *here = getcwd(NULL, 0);
    if (here == NULL) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "the working directory");
    }
    json_object_set_new(object, "directory", json_sprintf("%s/%s", here, path));
    free(here);
    return PH_OK;
}

static int put_arguments(const struct ph_cli_call *call, const struct ph_config *config, json_t *object,
                         struct ph_error *err)
{
    int result = put_words(call, object, err);
    if (result == PH_OK && call->values[PH_CLI_TYPE] != NULL) {
        result = put_text(object, "type", call->values[PH_CLI_TYPE], err);
    }
    if (result == PH_OK && call->values[PH_CLI_MAILBOX] != NULL) {
        result = put_text(object, "mailbox", call->values[PH_CLI_MAILBOX], err);
    }
    if (result == PH_OK && call->values[PH_CLI_RATE] != NULL) {
        result = put_text(object, "rate", call->values[PH_CLI_RATE], err);
    }
    if (result == PH_OK && call->values[PH_CLI_AGE] != NULL) {
        result = put_text(object, "age", call->values[PH_CLI_AGE], err);
    }
    put_flag(call, PH_CLI_DRY_RUN, object, "dry-run");
    put_flag(call, PH_CLI_ANEW, object, "anew");
    put_flag(call, PH_CLI_FULL, object, "full");
    put_flag(call, PH_CLI_REPAIR, object, "repair");
    put_flag(call, PH_CLI_INCREMENTAL, object, "incremental");
    if (result == PH_OK) {
        result = complete_directory(object, err);
    }
    if (result == PH_OK && call->command->content == PH_CLI_CONTENT_MESSAGE) {
        result = put_sender(call, config, object, err);
    }
    return result;
}

/* ---- Here ---- */

/* Files that root makes in a data directory of somebody else's could not be read by the server: so root becomes its
 * owner. */
static int become_owner(const char *data_dir, struct ph_error *err)
{
    struct stat info;
    if (geteuid() != 0 || stat(data_dir, &info) != 0 || info.st_uid == 0) {
        return PH_OK;
    }
    if (setgroups(0, NULL) != 0 || setgid(info.st_gid) != 0 || setuid(info.st_uid) != 0) {
        return ph_fail_errno(err, PH_EDENIED, errno, "becoming the owner of %s", data_dir);
    }
    return PH_OK;
}

static int run_here(const struct ph_config *config, const struct ph_admin_request *request,
                    const struct ph_admin_sink *sink, bool *out_is_locked, json_t **out_result,
                    struct ph_error *err)
{
    int result = become_owner(config->root->data_dir, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_log log;
    ph_layers_log(config, &log);
    if (log.level < PH_LOG_WARNING) {
        log.level = PH_LOG_WARNING;
    }
    struct ph_layers layers;
    result = ph_layers_open(&layers, config, &log, true, err);
    *out_is_locked = result == PH_EBUSY;
    if (result == PH_OK) {
        struct ph_admin admin = ph_layers_admin(&layers);
        result = ph_admin_run(&admin, request, sink, out_result, err);
        ph_layers_close(&layers);
    }
    return result;
}

/* ---- There or here ---- */

static int run_once(const struct ph_config *config, const char *socket_path,
                    const struct ph_admin_request *request, const struct ph_admin_sink *sink,
                    bool *out_is_early, json_t **out_result, struct ph_error *err)
{
    struct ph_admin_client *client = NULL;
    *out_is_early = false;
    int result = ph_admin_connect(socket_path, &client, err);
    if (result == PH_OK) {
        result = ph_admin_ask(client, request, sink, out_result, err);
        *out_is_early = result != PH_OK && !ph_admin_was_heard(client);
        ph_admin_disconnect(&client);
        return result;
    }
    if (result != PH_ENOTFOUND) {
        return result;
    }
    if (strcmp(request->operation, "status") == 0) {
        /* Needs no store: that it is not open is the news. */
        struct ph_admin admin = {.clock = &ph_clock_system,
                                 .engine = ph_layers_engine(config),
                                 .data_dir = config->root->data_dir,
                                 .version = PH_VERSION};
        return ph_admin_run(&admin, request, sink, out_result, err);
    }
    return run_here(config, request, sink, out_is_early, out_result, err);
}

static int run(const struct ph_config *config, const struct ph_admin_request *request,
               const struct ph_admin_sink *sink, json_t **out_result, struct ph_error *err)
{
    char *socket_path = ph_layers_path(config, "admin.sock");
    bool is_early = false;
    int result = PH_OK;
    for (unsigned waited_ms = 0;; waited_ms += LOCK_PAUSE_MS) {
        result = run_once(config, socket_path, request, sink, &is_early, out_result, err);
        if (!is_early || waited_ms >= LOCK_PATIENCE_MS) {
            break;
        }
        /* A server that starts or stops, or another command: one is reachable soon, the others are done soon. */
        usleep(LOCK_PAUSE_MS * 1000U);
    }
    free(socket_path);
    return result;
}

static int exit_code(const struct ph_cli_call *call, int result, const json_t *answer)
{
    if (result == PH_OK && call->command->output == PH_CLI_OUTPUT_STATUS) {
        return json_is_true(json_object_get(answer, "running")) ? EX_OK : EX_UNAVAILABLE;
    }
    if (result == PH_OK && call->command->output == PH_CLI_OUTPUT_FINDINGS) {
        json_int_t found = json_integer_value(json_object_get(answer, "found"));
        return found == json_integer_value(json_object_get(answer, "repaired")) ? EX_OK : EX_DATAERR;
    }
    /* Whoever hands over mail keeps it and tries again, unless that is of no use. */
    if (result == PH_EUNAVAILABLE && call->command->content == PH_CLI_CONTENT_MESSAGE) {
        return EX_TEMPFAIL;
    }
    return ph_cli_exit_code(result);
}

int ph_cli_operation(const struct ph_cli_call *call)
{
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    const char *temporary = getenv("TMPDIR");
    struct ph_spool content;
    ph_spool_init(&content, temporary == NULL ? "/tmp" : temporary, MEMORY_BYTES,
                  config->root->limits.message_bytes + MEMORY_BYTES);
    struct ph_error err = {0};
    json_t *arguments = json_object();
    json_t *answer = NULL;
    int result = put_arguments(call, config, arguments, &err);
    if (result == PH_OK) {
        result = ph_input_confirm(call, &err);
    }
    if (result == PH_OK) {
        result = ph_input_content(call, &content, &err);
    }
    if (result == PH_OK) {
        const struct ph_admin_request request = {
            .operation = call->command->name,
            .arguments = arguments,
            .content = content.size > 0 ? &content : NULL,
        };
        struct ph_output output;
        ph_output_begin(&output, call, stdout, isatty(STDOUT_FILENO) != 0);
        const struct ph_admin_sink sink = ph_output_sink(&output);
        result = run(config, &request, &sink, &answer, &err);
        ph_output_end(&output, answer);
    }
    code = exit_code(call, result, answer);
    if (result != PH_OK) {
        (void)ph_cli_report(call, &err);
    }
    json_decref(answer);
    json_decref(arguments);
    ph_wipe(content.memory.ptr, content.memory.cap);
    ph_spool_fini(&content);
    ph_config_free(&config);
    return code;
}
