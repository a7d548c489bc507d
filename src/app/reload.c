/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP. What config.def marks LIVE is taken over: certificates (read again also where their names did not change)
 * and the log level. The rest keeps running as it was, and each changed key is logged. A configuration with errors
 * changes nothing, and so does a certificate in a directory that Landlock keeps shut (sandbox.h): what the server may
 * read was settled at its start, and nothing opens it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app/check_config.h"
#include "app/notify.h"
#include "app/server.h"

static void log_problems(const struct ph_server *server, const struct ph_buf *problems)
{
    struct ph_bytes rest = ph_buf_view(problems);
    while (rest.len > 0) {
        size_t end = ph_bytes_find(rest, '\n');
        struct ph_log_line line;
        ph_log_begin(&line, &server->log, PH_LOG_ERROR, "config-problem");
        ph_log_bytes(&line, "reason", ph_bytes_first(rest, end));
        ph_log_end(&line);
        rest = ph_bytes_from(rest, end + 1);
    }
}

static void note_change(const struct ph_config_setting *setting, void *ctx)
{
    const struct ph_server *server = ctx;
    if (setting->is_live) {
        return;
    }
    struct ph_log_line line;
    ph_log_begin(&line, &server->log, PH_LOG_WARNING, "needs-restart");
    ph_log_str(&line, "key", setting->path);
    ph_log_str(&line, "value", setting->value == NULL ? "" : setting->value);
    ph_log_end(&line);
}

/* Its mode lets us read it, and the kernel does not: that is Landlock, which access() knows nothing of. */
static bool is_fenced_off(const char *path)
{
    if (path == NULL || access(path, R_OK) != 0) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_fenced = fd < 0 && errno == EACCES;
    if (fd >= 0) {
        close(fd);
    }
    return is_fenced;
}

static int explain(const struct ph_config_tls *tls, int result, struct ph_error *err)
{
    for (unsigned i = 0; i < tls->certificates_count; i++) {
        const struct ph_config_certificate *certificate = &tls->certificates[i];
        const char *path = is_fenced_off(certificate->certificate) ? certificate->certificate
                           : is_fenced_off(certificate->key)       ? certificate->key
                                                                   : NULL;
        if (path != NULL) {
            return ph_fail(
                err, PH_EDENIED,
                "%.120s: in a directory that no certificate was in at the start, which Landlock keeps "
                "shut; restart the server",
                path);
        }
    }
    return result;
}

static int take_over(struct ph_server *server, const struct ph_config *config, struct ph_error *err)
{
    struct ph_tls_context *tls = NULL;
    int result = ph_config_tls(config, &tls, err);
    if (result != PH_OK) {
        return explain(&config->root->tls, result, err);
    }
    if (tls != NULL) {
        ph_pool_set_tls(server->pool, tls);
        ph_tls_context_unref(&tls);
    }
    struct ph_log log;
    ph_layers_log(config, &log);
    ph_log_set_level(&server->log, log.level);
    ph_config_compare(server->config, config, note_change, server);
    return PH_OK;
}

void ph_server_reload(struct ph_server *server)
{
    const struct ph_config_source source = {
        .path = ph_cli_config_path(server->call),
        .overrides = server->call->overrides,
        .override_count = server->call->override_count,
    };
    struct ph_buf problems = PH_BUF(PH_CONFIG_PROBLEMS_MAX);
    struct ph_config *config = NULL;
    struct ph_error err = {0};
    ph_notify_reloading();
    int result = ph_config_load(&source, &config, &problems, &err);
    if (result == PH_OK) {
        result = take_over(server, config, &err);
    }
    log_problems(server, &problems);
    struct ph_log_line line;
    ph_log_begin(&line, &server->log, result == PH_OK ? PH_LOG_INFO : PH_LOG_ERROR,
                 result == PH_OK ? "reloaded" : "reload-failed");
    if (result != PH_OK) {
        ph_log_error(&line, &err);
    }
    ph_log_end(&line);
    ph_config_free(&config);
    ph_buf_fini(&problems);
    ph_notify_ready();
}
