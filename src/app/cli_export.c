/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `posthouse export`: asks the store for messages, some at a time, and writes them down here, with the rights of
 * whoever runs it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/channel.h"
#include "app/check_config.h"
#include "app/cli.h"
#include "app/progress.h"
#include "task/export.h"

struct export
{
    const struct ph_cli_call *call;
    struct ph_channel *channel;
    struct ph_exporter *exporter;
    const char *user;
    json_t *mailboxes; /* those to export, as the store names them */
    json_t *result;    /* what became of each */
    json_t *problems;
    struct ph_progress progress;
    bool is_in_message;
    uint64_t messages; /* of the mailbox */
    uint64_t octets;
    uint64_t expected; /* messages */
    uint64_t all_messages;
    uint64_t all_octets;
};

static void say_problem(struct export *export, const char *where, const char *text)
{
    ph_progress_clear(&export->progress);
    fprintf(stderr, "posthouse: %s: %s: %s\n", export->user, where, text);
    json_array_append_new(export->problems, json_pack("{s:s, s:s}", "where", where, "text", text));
}

/* ---- Answers of the store ---- */

static int take_mailbox(void *ctx, json_t *item, struct ph_error *err)
{
    (void)err;
    struct export *export = ctx;
    const char *wanted = export->call->values[PH_CLI_MAILBOX];
    const char *name = json_string_value(json_object_get(item, "name"));
    if (wanted == NULL || (name != NULL && strcmp(name, wanted) == 0)) {
        json_array_append(export->mailboxes, item);
        export->expected += (uint64_t)json_integer_value(json_object_get(item, "messages"));
    }
    return PH_OK;
}

static struct ph_bytes text_of(const json_t *item, const char *key)
{
    const json_t *value = json_object_get(item, key);
    return ph_bytes_of(json_string_value(value), json_string_length(value));
}

static int64_t number_of(const json_t *item, const char *key)
{
    return json_integer_value(json_object_get(item, key));
}

static int end_message(struct export *export, bool is_whole, struct ph_error *err)
{
    if (!export->is_in_message) {
        return PH_OK;
    }
    export->is_in_message = false;
    int result = ph_export_message_end(export->exporter, is_whole, err);
    export->messages += is_whole ? 1 : 0;
    export->all_messages++;
    ph_progress_update(&export->progress, export->all_messages, export->all_octets);
    return result;
}

static int take_message(void *ctx, json_t *item, struct ph_error *err)
{
    struct export *export = ctx;
    const char *error = json_string_value(json_object_get(item, "error"));
    int result = end_message(export, error == NULL, err);
    if (result != PH_OK) {
        return result;
    }
    if (error != NULL) {
        char where[48];
        snprintf(where, sizeof where, "message with UID %" PRId64, number_of(item, "uid"));
        say_problem(export, where, error);
        return PH_OK;
    }
    struct ph_export_message message = {
        .uid = (uint64_t)number_of(item, "uid"),
        .octets = (uint64_t)number_of(item, "octets"),
        .kept = {.flags = (unsigned)number_of(item, "flags"),
                 .keywords = text_of(item, "keywords"),
                 .uidl = text_of(item, "uidl")},
        .internal_date_ms = number_of(item, "date"),
        .save_date_ms = number_of(item, "saved"),
    };
    result = ph_uuid_parse(text_of(item, "id"), &message.id);
    if (result != PH_OK) {
        return ph_fail(err, PH_EBUG, "an answer without the id of a message");
    }
    result = ph_export_message(export->exporter, &message, err);
    export->is_in_message = result == PH_OK;
    return result;
}

static int take_octets(void *ctx, struct ph_bytes octets, struct ph_error *err)
{
    struct export *export = ctx;
    export->octets += octets.len;
    export->all_octets += octets.len;
    return export->is_in_message ? ph_export_octets(export->exporter, octets, err)
                                 : ph_fail(err, PH_EBUG, "octets of no message");
}

/* ---- One mailbox ---- */

static int export_messages(struct export *export, const json_t *mailbox, struct ph_error *err)
{
    const struct ph_admin_sink sink = {export, take_message, take_octets};
    int64_t after = 0;
    bool has_more = true;
    int result = PH_OK;
    while (result == PH_OK && has_more) {
        json_t *answer = NULL;
        json_t *arguments = json_pack("{s:s, s:O, s:I}", "user", export->user, "mailbox",
                                      json_object_get(mailbox, "name"), "after", (json_int_t)after);
        result = ph_channel_ask(export->channel, "export messages", arguments, NULL, &sink, &answer, err);
        if (result == PH_OK) {
            result = end_message(export, true, err);
        }
        int64_t last = number_of(answer, "last");
        has_more = json_is_true(json_object_get(answer, "more")) && last > after;
        after = last;
        json_decref(answer);
    }
    return result;
}

static int export_mailbox(struct export *export, const json_t *mailbox, struct ph_error *err)
{
    struct ph_bytes name = text_of(mailbox, "name");
    const char *text = json_string_value(json_object_get(mailbox, "name"));
    struct ph_error trouble = {0};
    export->messages = 0;
    export->octets = 0;
    int result = ph_export_mailbox(export->exporter, name, (uint32_t)number_of(mailbox, "uid_validity"),
                                   (uint64_t)number_of(mailbox, "uid_next"), &trouble);
    if (result == PH_EINVALID) {
        say_problem(export, text, trouble.text);
        return PH_OK;
    }
    if (result != PH_OK) {
        *err = trouble;
        return result;
    }
    result = export_messages(export, mailbox, err);
    if (result == PH_OK) {
        result = ph_export_mailbox_end(export->exporter, err);
    }
    json_array_append_new(export->result,
                          json_pack("{s:s, s:I, s:I}", "mailbox", text, "messages",
                                    (json_int_t) export->messages, "octets", (json_int_t) export->octets));
    if (!ph_cli_has(export->call, PH_CLI_JSON)) {
        ph_progress_clear(&export->progress);
        printf("%s %s: %" PRIu64 " messages, %" PRIu64 " octets\n", export->user, text, export->messages,
               export->octets);
    }
    return result;
}

/* ---- The command ---- */

static int list_mailboxes(struct export *export, struct ph_error *err)
{
    const struct ph_admin_sink sink = {export, take_mailbox, NULL};
    json_t *answer = NULL;
    json_t *arguments = json_pack("{s:s}", "user", export->user);
    if (arguments == NULL) {
        return ph_fail(err, PH_EINVALID, "the user's name is no UTF-8");
    }
    int result = ph_channel_ask(export->channel, "export mailboxes", arguments, NULL, &sink, &answer, err);
    json_decref(answer);
    if (result == PH_OK && json_array_size(export->mailboxes) == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "no mailbox %.60s of %.120s",
                         export->call->values[PH_CLI_MAILBOX], export->user);
    }
    return result;
}

static int run(struct export *export, enum ph_export_format format, struct ph_error *err)
{
    int result = list_mailboxes(export, err);
    if (result == PH_OK) {
        result = ph_export_begin(format, export->call->words[1], &export->exporter, err);
    }
    ph_progress_begin(&export->progress, stderr, isatty(STDERR_FILENO) != 0, export->user, export->expected);
    size_t index = 0;
    const json_t *mailbox = NULL;
    json_array_foreach(export->mailboxes, index, mailbox)
    {
        if (result == PH_OK) {
            result = export_mailbox(export, mailbox, err);
        }
    }
    if (result == PH_OK && ph_export_keywords_lost(export->exporter) > 0) {
        say_problem(export, "keywords", "a folder has more than 26, which is all that a Maildir can name");
    }
    struct ph_error ignored = {0};
    int ended = ph_export_end(&export->exporter, result != PH_OK, result == PH_OK ? err : &ignored);
    result = result == PH_OK ? ended : result;
    ph_progress_end(&export->progress, export->all_messages, export->all_octets);
    return result;
}

static int find_format(const struct ph_cli_call *call, enum ph_export_format *out_format,
                       struct ph_error *err)
{
    const char *format = call->values[PH_CLI_FORMAT];
    bool is_mbox = format != NULL && strcmp(format, "mbox") == 0;
    *out_format = is_mbox ? PH_EXPORT_MBOX : PH_EXPORT_MAILDIR;
    return format == NULL || is_mbox || strcmp(format, "maildir") == 0
               ? PH_OK
               : ph_fail(err, PH_EINVALID, "--format: expected maildir or mbox, found \"%.60s\"", format);
}

int ph_cli_export(const struct ph_cli_call *call)
{
    enum ph_export_format format;
    struct ph_error err = {0};
    if (find_format(call, &format, &err) != PH_OK) {
        (void)ph_cli_report(call, &err);
        return EX_USAGE;
    }
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    struct export export = {.call = call, .user = call->words[0]};
    export.mailboxes = json_array();
    export.result = json_array();
    export.problems = json_array();
    int result = ph_channel_open(config, &export.channel, &err);
    if (result == PH_OK) {
        result = run(&export, format, &err);
    }
    if (result == PH_OK && ph_cli_has(call, PH_CLI_JSON)) {
        json_t *answer = json_pack("{s:s, s:s, s:O, s:O}", "user", export.user, "path", call->words[1],
                                   "mailboxes", export.result, "problems", export.problems);
        json_dumpf(answer, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(answer);
    }
    code = result == PH_OK ? json_array_size(export.problems) > 0 ? EX_DATAERR : EX_OK
                           : ph_cli_report(call, &err);
    ph_channel_close(&export.channel);
    json_decref(export.mailboxes);
    json_decref(export.result);
    json_decref(export.problems);
    ph_config_free(&config);
    return code;
}
