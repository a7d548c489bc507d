/* SPDX-License-Identifier: Apache-2.0 */
#include "app/init.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"

/* ---- Doing ---- */

/* For its owner alone, so that the server finds it its own. */
static int make_data_dir(const struct ph_init_plan *plan, struct ph_error *err)
{
    if (access(plan->data_dir, F_OK) == 0) {
        return PH_OK;
    }
    int result = ph_init_directories(plan->data_dir, err);
    if (result == PH_OK && (chmod(plan->data_dir, 0700) != 0 ||
                            (plan->has_owner && chown(plan->data_dir, plan->uid, plan->gid) != 0))) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", plan->data_dir);
    }
    return result;
}

static int make_files(const struct ph_cli_call *call, const struct ph_init_plan *plan, bool *out_is_new,
                      struct ph_error *err)
{
    char *directory = ph_bytes_dup(
        ph_bytes_of(plan->config_path, (size_t)(strrchr(plan->config_path, '/') - plan->config_path)));
    int result = directory[0] == '\0' ? PH_OK : ph_init_directories(directory, err);
    free(directory);
    if (result == PH_OK && plan->is_self_signed) {
        result = ph_init_make_certificate(plan, out_is_new, err);
    }
    if (result == PH_OK) {
        result = ph_init_write_config(plan, ph_cli_has(call, PH_CLI_FORCE), err);
    }
    return result == PH_OK ? make_data_dir(plan, err) : result;
}

/* As if COMMAND WORD had been given. What exists already is as it should be. */
static int run_operation(const struct ph_cli_call *call, const char *command, const char *word)
{
    struct ph_cli_call *inner = ph_zalloc(sizeof *inner);
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        if (strcmp(ph_cli_commands[i].name, command) == 0) {
            inner->command = &ph_cli_commands[i];
        }
    }
    inner->values[PH_CLI_CONFIG] = ph_cli_config_path(call);
    inner->options = call->options & 1U << PH_CLI_PASSWORD_STDIN;
    inner->words[0] = word;
    inner->word_count = 1;
    if (inner->command->content == PH_CLI_CONTENT_NEW_PASSWORD && !ph_cli_has(call, PH_CLI_PASSWORD_STDIN)) {
        fprintf(stderr, "For %s:\n", word);
    }
    int code = ph_cli_operation(inner);
    free(inner);
    return code == EX_CANTCREAT ? EX_OK : code;
}

/* ---- Telling ---- */

static void add_steps(const struct ph_init_plan *plan, struct ph_buf *steps)
{
    if (plan->is_self_signed) {
        ph_buf_printf(steps,
                      "Mail programs will ask about the self-signed certificate; with one of an authority, "
                      "name it in tls.certificates and reload.\n");
    }
    struct stat info;
    if (plan->has_owner && stat(plan->key, &info) == 0 && info.st_uid != plan->uid &&
        !(info.st_gid == plan->gid && (info.st_mode & 040) != 0) && (info.st_mode & 04) == 0) {
        ph_buf_printf(
            steps,
            "The user %s cannot read %s. Let your ACME client's deploy hook run: install -m 0640 -g %s KEY "
            "/etc/posthouse/tls/, and the certificate likewise, and name these.\n",
            PH_INIT_SERVER_USER, plan->key, PH_INIT_SERVER_USER);
    }
    if (geteuid() == 0 && !plan->has_owner) {
        ph_buf_printf(
            steps,
            "Make a user for the server: useradd --system --home-dir %s --shell /usr/sbin/nologin %s; "
            "chown -R %s: %s; chown %s: %s\n",
            plan->data_dir, PH_INIT_SERVER_USER, PH_INIT_SERVER_USER, plan->data_dir, PH_INIT_SERVER_USER,
            plan->key);
    }
    if (plan->domain[0] == '\0') {
        ph_buf_str(steps, "Name a domain: posthouse domain add example.org\n");
    }
    if (plan->user[0] == '\0') {
        ph_buf_str(steps, "Make a user: posthouse user add alice@example.org\n");
    }
    ph_buf_printf(steps,
                  "Start it: systemctl restart posthouse (without systemd: posthouse --config %s serve)\n",
                  plan->config_path);
    ph_buf_str(steps, "See how it is: posthouse status\n");
}

static json_t *lines_of(const struct ph_buf *text)
{
    json_t *list = json_array();
    struct ph_bytes rest = ph_buf_view(text);
    while (rest.len > 0) {
        size_t end = ph_bytes_find(rest, '\n');
        json_array_append_new(list, json_stringn((const char *)rest.ptr, end));
        rest = end < rest.len ? ph_bytes_from(rest, end + 1) : ph_bytes_of(NULL, 0);
    }
    return list;
}

static void tell(const struct ph_cli_call *call, const struct ph_init_plan *plan, bool is_new)
{
    char digest[PH_INIT_DIGEST_TEXT] = "";
    if (ph_init_key_digest(plan->certificate, digest, NULL) != PH_OK) {
        digest[0] = '\0';
    }
    struct ph_buf records = PH_BUF(PH_INIT_TEXT_MAX);
    struct ph_buf steps = PH_BUF(PH_INIT_TEXT_MAX);
    ph_init_records(plan, digest, &records);
    add_steps(plan, &steps);
    if (ph_cli_has(call, PH_CLI_JSON)) {
        json_t *all = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "config", plan->config_path, "certificate",
                                plan->certificate, "key", plan->key, "certificate_is_new", is_new ? 1 : 0,
                                "records", lines_of(&records), "next", lines_of(&steps));
        json_dumpf(all, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(all);
    } else {
        printf("Written: %s\n", plan->config_path);
        printf("%s %s\n\n", is_new ? "Made, self-signed:" : "Certificate:", plan->certificate);
        printf(
            "In the DNS (the TLSA record only where the zone is signed, and new with each new key):\n\n%s\n",
            ph_buf_cstr(&records));
        printf("Next:\n\n%s", ph_buf_cstr(&steps));
    }
    ph_buf_fini(&steps);
    ph_buf_fini(&records);
}

int ph_cli_init(const struct ph_cli_call *call)
{
    struct ph_init_plan plan = {0};
    struct ph_error err = {0};
    bool is_new = false;
    int result = ph_init_make_plan(call, &plan, &err);
    if (result == PH_OK) {
        result = make_files(call, &plan, &is_new, &err);
    }
    int code = result == PH_OK ? EX_OK : ph_cli_report(call, &err);
    if (result == PH_OK) {
        /* First: to make a user, root becomes the owner of the store for good. */
        tell(call, &plan, is_new);
        (void)fflush(stdout);
    }
    if (code == EX_OK && plan.domain[0] != '\0') {
        code = run_operation(call, "domain add", plan.domain);
    }
    if (code == EX_OK && plan.user[0] != '\0') {
        code = run_operation(call, "user add", plan.user);
    }
    ph_init_plan_fini(&plan);
    return code;
}
