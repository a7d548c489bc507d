/* SPDX-License-Identifier: Apache-2.0 */
#include "app/check_config.h"

#include <stdlib.h>
#include <sysexits.h>

#include <jansson.h>

#include "app/cassandra.h"
#include "app/s3.h"
#include "base/mem.h"

static void print_problems(const struct ph_cli_call *call, const struct ph_buf *problems)
{
    if (!ph_cli_has(call, PH_CLI_JSON)) {
        fwrite(problems->ptr, 1, problems->len, stderr);
        return;
    }
    json_t *list = json_array();
    struct ph_bytes rest = ph_buf_view(problems);
    while (rest.len > 0) {
        size_t end = ph_bytes_find(rest, '\n');
        json_t *line = json_stringn((const char *)rest.ptr, end);
        json_array_append_new(list, line == NULL ? json_string("a line that is no UTF-8") : line);
        rest = ph_bytes_from(rest, end + 1);
    }
    json_t *all = json_pack("{s:{s:s, s:s, s:o}}", "error", "class", ph_error_name(PH_EINVALID), "text",
                            "configuration", "problems", list);
    json_dumpf(all, stderr, JSON_COMPACT);
    fputc('\n', stderr);
    json_decref(all);
}

int ph_cli_load_config(const struct ph_cli_call *call, struct ph_config **out_config)
{
    struct ph_config_source source = {
        .path = ph_cli_config_path(call),
        .overrides = call->overrides,
        .override_count = call->override_count,
    };
    struct ph_buf problems = PH_BUF(PH_CONFIG_PROBLEMS_MAX);
    struct ph_error err = {0};
    int result = ph_config_load(&source, out_config, &problems, &err);
    if (result != PH_OK) {
        if (problems.len > 0) {
            print_problems(call, &problems);
        } else if (result == PH_ENOTFOUND && !ph_cli_has(call, PH_CLI_CONFIG)) {
            (void)ph_fail(&err, result, "no configuration: there is no %s, and no --config FILE was given",
                          source.path);
            (void)ph_cli_report(call, &err);
        } else {
            (void)ph_cli_report(call, &err);
        }
    }
    ph_buf_fini(&problems);
    return result == PH_OK ? EX_OK : EX_CONFIG;
}

int ph_config_tls(const struct ph_config *config, struct ph_tls_context **out_tls, struct ph_error *err)
{
    const struct ph_config_tls *tls = &config->root->tls;
    *out_tls = NULL;
    if (tls->certificates_count == 0) {
        return PH_OK;
    }
    struct ph_tls_certificate *certificates = ph_zalloc(tls->certificates_count * sizeof *certificates);
    for (unsigned i = 0; i < tls->certificates_count; i++) {
        certificates[i] = (struct ph_tls_certificate){
            .certificate_path = tls->certificates[i].certificate,
            .key_path = tls->certificates[i].key,
        };
    }
    struct ph_tls_options options = {
        .certificates = certificates,
        .certificate_count = tls->certificates_count,
        .only_tls13 = tls->min_version == PH_CONFIG_TLS_1_3,
    };
    int result = ph_tls_context_new(&options, out_tls, err);
    free(certificates);
    return result;
}

static void print_settings(const struct ph_config *config)
{
    json_t *all = json_object();
    for (size_t i = 0; i < config->setting_count; i++) {
        json_t *value = json_string(config->settings[i].value);
        json_object_set_new(all, config->settings[i].path, value == NULL ? json_null() : value);
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(all);
}

int ph_cli_check_config(const struct ph_cli_call *call)
{
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    struct ph_tls_context *tls = NULL;
    struct ph_error err = {0};
    bool is_cassandra = config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA;
    if (ph_config_tls(config, &tls, &err) != PH_OK ||
        (is_cassandra && ph_app_cassandra_check(config, &err) != PH_OK) ||
        (config->root->store.content == PH_CONFIG_CONTENT_S3 && ph_app_s3_check(config, &err) != PH_OK)) {
        (void)ph_cli_report(call, &err);
        code = EX_CONFIG;
    } else if (ph_cli_has(call, PH_CLI_JSON)) {
        print_settings(config);
    } else {
        printf("%s: ok\n", ph_cli_config_path(call));
    }
    ph_tls_context_unref(&tls);
    ph_config_free(&config);
    return code;
}

int ph_cli_version(const struct ph_cli_call *call)
{
    printf(ph_cli_has(call, PH_CLI_JSON) ? "{\"version\":\"%s\"}\n" : "posthouse %s\n", PH_VERSION);
    return EX_OK;
}
