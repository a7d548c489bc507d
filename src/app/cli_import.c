/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `posthouse import`: reads the source here, with the rights of whoever runs it, and hands its messages to the store.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/channel.h"
#include "app/check_config.h"
#include "app/cli.h"
#include "app/progress.h"
#include "base/mem.h"
#include "task/import.h"

static const size_t MAP_BYTES_MAX = (size_t)64 << 20;

/* One run of the command. */
struct run {
    const struct ph_cli_call *call;
    const struct ph_config *config;
    struct ph_channel *channel;
    enum ph_source_format format;
    const char *spool_directory;
    json_t *accounts; /* of the result, for --json */
    int worst;        /* of all accounts */
};

/* One account of it. */
struct account {
    struct run *run;
    const char *user;
    json_t *result;
    json_t *mailboxes;
    json_t *problems;
    struct ph_progress progress;
    bool has_progress;
};

static bool is_dry(const struct run *run)
{
    return ph_cli_has(run->call, PH_CLI_DRY_RUN);
}

/* ---- What is said ---- */

static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    char *plain = ph_strdup(text);
    for (char *at = plain; *at != '\0'; at++) {
        *at = (char)((unsigned char)*at < 0x80 ? *at : '?');
    }
    value = json_string(plain);
    free(plain);
    return value;
}

/* What a source chose to call its files goes to a terminal: without control characters. */
static void print_plain(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        fputc(c < 0x20 || c == 0x7F ? '?' : c, out);
    }
}

static void on_problem(void *ctx, const char *where, const char *text)
{
    struct account *account = ctx;
    json_array_append_new(account->problems,
                          json_pack("{s:o, s:o}", "where", text_of(where), "text", text_of(text)));
    if (account->has_progress) {
        ph_progress_clear(&account->progress);
    }
    fprintf(stderr, "posthouse: %s: ", account->user);
    print_plain(stderr, where);
    fputs(": ", stderr);
    print_plain(stderr, text);
    fputc('\n', stderr);
}

static void on_progress(void *ctx, const struct ph_import_counts *so_far)
{
    struct account *account = ctx;
    ph_progress_update(&account->progress, so_far->found, so_far->octets);
}

static json_t *counts_json(const struct ph_import_counts *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "found", (json_int_t)counts->found,
                     "octets", (json_int_t)counts->octets, "imported", (json_int_t)counts->imported,
                     "present", (json_int_t)counts->present, "gone", (json_int_t)counts->gone, "failed",
                     (json_int_t)counts->failed, "verified", (json_int_t)counts->verified, "differing",
                     (json_int_t)counts->differing, "renumbered", (json_int_t)counts->renumbered,
                     "uidls_lost", (json_int_t)counts->uidls_lost);
}

static void print_count(const char *name, uint64_t count)
{
    if (count > 0) {
        printf(", %" PRIu64 " %s", count, name);
    }
}

static void on_folder(void *ctx, const struct ph_import_folder *folder, bool keeps_uids,
                      const struct ph_import_counts *counts)
{
    struct account *account = ctx;
    struct run *run = account->run;
    json_t *entry = counts_json(counts);
    char *name = ph_bytes_dup(folder->mailbox);
    json_object_set_new(entry, "mailbox", text_of(name));
    json_object_set_new(entry, "keeps_uids", json_boolean(keeps_uids));
    json_array_append_new(account->mailboxes, entry);
    if (!ph_cli_has(run->call, PH_CLI_JSON)) {
        ph_progress_clear(&account->progress);
        printf("%s %s: %" PRIu64 " found, %" PRIu64 " %s", account->user, name, counts->found,
               counts->imported, is_dry(run) ? "to import" : "imported");
        print_count("imported before", counts->present);
        print_count("of them deleted since", counts->gone);
        print_count("failed", counts->failed);
        print_count("with new UIDs", counts->renumbered);
        print_count("without their UIDL", counts->uidls_lost);
        print_count("verified", counts->verified);
        print_count("DIFFERENT", counts->differing);
        putchar('\n');
    }
    free(name);
}

/* ---- The store ---- */

static int begin(void *ctx, const struct ph_import_folder *folder, bool *out_keeps_uids, struct ph_error *err)
{
    const struct account *account = ctx;
    json_t *result = NULL;
    json_t *name = json_stringn((const char *)folder->mailbox.ptr, folder->mailbox.len);
    if (name == NULL) {
        return ph_fail(err, PH_EINVALID, "a mailbox name must be UTF-8");
    }
    json_t *arguments = json_pack("{s:s, s:o, s:I, s:I, s:b}", "user", account->user, "mailbox", name,
                                  "uid_validity", (json_int_t)folder->uid_validity, "uid_next",
                                  (json_int_t)folder->uid_next, "dry_run", is_dry(account->run));
    int code = ph_channel_ask(account->run->channel, "import begin", arguments, NULL, NULL, &result, err);
    *out_keeps_uids = json_is_true(json_object_get(result, "keeps_uids"));
    json_decref(result);
    return code;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static int put(void *ctx, const struct ph_import_folder *folder, struct ph_spool *batch, unsigned count,
               struct ph_import_counts *counts,
               void (*trouble)(void *trouble_ctx, unsigned index, const char *text), void *trouble_ctx,
               struct ph_error *err)
{
    (void)count;
    const struct account *account = ctx;
    json_t *result = NULL;
    json_t *name = json_stringn((const char *)folder->mailbox.ptr, folder->mailbox.len);
    json_t *arguments =
        json_pack("{s:s, s:o, s:I, s:b, s:b}", "user", account->user, "mailbox", name, "uid_validity",
                  (json_int_t)folder->uid_validity, "dry_run", is_dry(account->run), "verify",
                  ph_cli_has(account->run->call, PH_CLI_VERIFY));
    int code = ph_channel_ask(account->run->channel, "import put", arguments, batch, NULL, &result, err);
    if (code == PH_OK) {
        counts->imported = number_of(result, "imported");
        counts->present = number_of(result, "present");
        counts->gone = number_of(result, "gone");
        counts->failed = number_of(result, "failed");
        counts->verified = number_of(result, "verified");
        counts->differing = number_of(result, "differing");
        counts->renumbered = number_of(result, "renumbered");
        counts->uidls_lost = number_of(result, "uidls_lost");
        size_t index = 0;
        const json_t *one = NULL;
        json_array_foreach(json_object_get(result, "trouble"), index, one)
        {
            trouble(trouble_ctx, (unsigned)number_of(one, "index"),
                    json_string_value(json_object_get(one, "text")));
        }
    }
    json_decref(result);
    return code;
}

/* ---- One account ---- */

static int import_source(struct account *account, struct ph_source *source, struct ph_import_counts *counts,
                         struct ph_error *err)
{
    struct run *run = account->run;
    const struct ph_import_options options = {
        .mailbox = run->call->values[PH_CLI_MAILBOX],
        .is_dry = is_dry(run),
        .spool_directory = run->spool_directory,
        .message_max_bytes = run->config->root->limits.message_bytes,
    };
    const struct ph_import_target target = {account, begin, put};
    const struct ph_import_listener listener = {account, on_progress, on_folder, on_problem};
    json_object_set_new(account->result, "format", json_string(ph_source_format_name(source)));
    ph_progress_begin(&account->progress, stderr, isatty(STDERR_FILENO) != 0, account->user,
                      ph_source_count(source));
    account->has_progress = true;
    int result = ph_import_run(source, &options, &target, &listener, counts, err);
    ph_progress_end(&account->progress, counts->found, counts->octets);
    account->has_progress = false;
    return result;
}

/* A user who does not exist is said before anything is read. */
static int check_user(struct account *account, struct ph_error *err)
{
    json_t *result = NULL;
    json_t *arguments = json_pack("{s:s, s:s, s:b}", "user", account->user, "mailbox", "INBOX", "dry_run", 1);
    if (arguments == NULL) {
        return ph_fail(err, PH_EINVALID, "the user's name is no UTF-8");
    }
    int code = ph_channel_ask(account->run->channel, "import begin", arguments, NULL, NULL, &result, err);
    json_decref(result);
    return code;
}

static int import_account(struct run *run, const char *user, const char *path)
{
    struct ph_error err = {0};
    struct ph_import_counts counts = {0};
    struct account account = {.run = run, .user = user};
    account.mailboxes = json_array();
    account.problems = json_array();
    account.result =
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "user", text_of(user), "path", text_of(path), "mailboxes",
                  account.mailboxes, "problems", account.problems, "dry_run", is_dry(run));
    const struct ph_source_options options = {
        .path = path,
        .format = run->format,
        .uidl_format = run->call->values[PH_CLI_UIDL_FORMAT],
        .spool_directory = run->spool_directory,
        .message_max_bytes = run->config->root->limits.message_bytes,
        .problem = on_problem,
        .ctx = &account,
    };
    struct ph_source *source = NULL;
    int result = check_user(&account, &err);
    if (result == PH_OK) {
        result = ph_source_open(&options, &source, &err);
        /* What is not found here is the path, not the user. */
        result = result == PH_ENOTFOUND ? PH_EINVALID : result;
        err.code = result;
    }
    if (result == PH_OK) {
        result = import_source(&account, source, &counts, &err);
    }
    ph_source_close(&source);
    json_object_set_new(account.result, "total", counts_json(&counts));
    if (result != PH_OK) {
        fprintf(stderr, "posthouse: %s: ", user);
        print_plain(stderr, err.text);
        fputc('\n', stderr);
        json_object_set_new(
            account.result, "error",
            json_pack("{s:s, s:o}", "class", ph_error_name(result), "text", text_of(err.text)));
    } else if (json_array_size(account.problems) > 0) {
        result = PH_EINVALID;
    }
    json_array_append_new(run->accounts, account.result);
    run->worst = run->worst == PH_OK || result == PH_EUNAVAILABLE ? result : run->worst;
    return result;
}

/* ---- Many ---- */

/* Trouble with the store is everybody's. */
static bool ends_all(int result)
{
    return result == PH_EUNAVAILABLE || result == PH_EUNKNOWN_OUTCOME || result == PH_ELIMIT ||
           result == PH_EBUG;
}

static int read_map(const char *path, struct ph_buf *out, struct ph_error *err)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return ph_fail_errno(err, PH_EINVALID, errno, "%.180s", path);
    }
    uint8_t piece[8192];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, in)) > 0) {
        ph_buf_append(out, piece, got);
    }
    bool is_whole = ferror(in) == 0 && !out->has_overflowed;
    fclose(in);
    return is_whole ? PH_OK : ph_fail(err, PH_EINVALID, "%.180s: cannot be read, or is too large", path);
}

static int import_line(struct run *run, const char *path, size_t number, struct ph_bytes line)
{
    struct ph_bytes user = ph_bytes_next_word(&line);
    line = ph_bytes_trim(line);
    if (user.len == 0 || user.ptr[0] == '#') {
        return PH_OK;
    }
    if (line.len == 0) {
        fprintf(stderr, "posthouse: %s: line %zu: expected a user and a path\n", path, number);
        run->worst = run->worst == PH_OK ? PH_EINVALID : run->worst;
        return PH_OK;
    }
    char *user_text = ph_bytes_dup(user);
    char *path_text = ph_bytes_dup(line);
    int result = import_account(run, user_text, path_text);
    free(user_text);
    free(path_text);
    return ends_all(result) ? result : PH_OK;
}

static int import_map(struct run *run, const char *path, struct ph_error *err)
{
    struct ph_buf map = PH_BUF(MAP_BYTES_MAX);
    int result = read_map(path, &map, err);
    struct ph_bytes rest = ph_buf_view(&map);
    for (size_t number = 1; result == PH_OK && rest.len > 0; number++) {
        size_t end = ph_bytes_find(rest, '\n');
        struct ph_bytes line = ph_bytes_first(rest, end);
        line.len -= line.len > 0 && line.ptr[line.len - 1] == '\r' ? 1 : 0;
        rest = ph_bytes_from(rest, end + 1);
        result = import_line(run, path, number, line);
    }
    ph_buf_fini(&map);
    return err->code == PH_OK ? PH_OK : result;
}

/* ---- The command ---- */

static int check_call(const struct ph_cli_call *call, enum ph_source_format *out_format, struct ph_error *err)
{
    static const char *const names[] = {[PH_SOURCE_AUTO] = "auto",
                                        [PH_SOURCE_MBOX] = "mbox",
                                        [PH_SOURCE_MAILDIR] = "maildir",
                                        [PH_SOURCE_EML] = "eml"};
    const char *format = call->values[PH_CLI_FORMAT];
    *out_format = PH_SOURCE_AUTO;
    bool is_known = format == NULL;
    for (unsigned i = PH_SOURCE_MBOX; format != NULL && i <= PH_SOURCE_EML; i++) {
        if (strcmp(format, names[i]) == 0) {
            *out_format = i;
            is_known = true;
        }
    }
    if (!is_known) {
        return ph_fail(err, PH_EINVALID, "--format: expected mbox, maildir or eml, found \"%.60s\"", format);
    }
    bool has_map = ph_cli_has(call, PH_CLI_MAP);
    if (call->word_count != (has_map ? 0 : 2)) {
        return ph_fail(err, PH_EINVALID, "import: expected USER and PATH, or --map FILE alone");
    }
    return PH_OK;
}

static void print_result(struct run *run)
{
    if (ph_cli_has(run->call, PH_CLI_JSON)) {
        json_t *result = json_pack("{s:O}", "accounts", run->accounts);
        json_dumpf(result, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(result);
    }
}

int ph_cli_import(const struct ph_cli_call *call)
{
    struct run run = {.call = call};
    struct ph_error err = {0};
    if (check_call(call, &run.format, &err) != PH_OK) {
        (void)ph_cli_report(call, &err);
        return EX_USAGE;
    }
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    const char *temporary = getenv("TMPDIR");
    run.config = config;
    run.spool_directory = temporary == NULL ? "/tmp" : temporary;
    run.accounts = json_array();
    if (ph_channel_open(config, &run.channel, &err) == PH_OK) {
        if (ph_cli_has(call, PH_CLI_MAP)) {
            (void)import_map(&run, call->values[PH_CLI_MAP], &err); /* err says what went wrong */
        } else {
            (void)import_account(&run, call->words[0], call->words[1]);
        }
    }
    if (err.code != PH_OK) {
        code = ph_cli_report(call, &err);
    } else {
        print_result(&run);
        code = ph_cli_exit_code(run.worst);
    }
    ph_channel_close(&run.channel);
    json_decref(run.accounts);
    ph_config_free(&config);
    return code;
}
