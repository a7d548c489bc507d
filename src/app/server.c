/* SPDX-License-Identifier: Apache-2.0 */
#include "app/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/client.h"
#include "app/check_config.h"
#include "app/notify.h"
#include "base/mem.h"
#include "mailbox/view.h"

/* Descriptors besides those of connections: listeners, the store, spools, the standard ones. */
enum { OTHER_DESCRIPTORS = 1024 };
enum { LOCK_PATIENCE_MS = 10000, LOCK_PAUSE_MS = 50 };

/* ---- The process ---- */

static void raise_descriptors(const struct ph_server *server)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = server->config->root->limits.connections + (rlim_t)OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        ph_log_event(&server->log, PH_LOG_WARNING, "few-descriptors",
                     "%llu file descriptors are allowed, limits.connections = %u wants %llu",
                     (unsigned long long)limit.rlim_cur, server->config->root->limits.connections,
                     (unsigned long long)wanted);
    }
}

/* Root read them at the start; a reload comes without root. */
static void check_keys(const struct ph_server *server)
{
    const struct ph_config_tls *tls = &server->config->root->tls;
    for (unsigned i = 0; server->privileges.has_user && i < tls->certificates_count; i++) {
        if (access(tls->certificates[i].key, R_OK) != 0) {
            ph_log_event(&server->log, PH_LOG_WARNING, "unreadable-key",
                         "%s: uid %u cannot read it, so a reload will fail", tls->certificates[i].key,
                         (unsigned)server->privileges.uid);
        }
    }
}

static void check_process(const struct ph_server *server)
{
    if (geteuid() == 0) {
        ph_log_event(&server->log, PH_LOG_WARNING, "running-as-root",
                     "`user` in the configuration names one to become, once the ports are bound");
    }
    struct stat info;
    const char *data_dir = server->config->root->data_dir;
    if (stat(data_dir, &info) == 0 && (info.st_mode & 077) != 0) {
        ph_log_event(&server->log, PH_LOG_WARNING, "open-data-dir", "%s has mode %04o: others may enter it",
                     data_dir, (unsigned)info.st_mode & 07777U);
    }
}

/* ---- What the protocols get ---- */

/* The texts are checked: they parse. */
static int parse_networks(char *const *texts, unsigned count, struct ph_networks *out_networks,
                          struct ph_error *err)
{
    out_networks->list = ph_zalloc((count + 1U) * sizeof out_networks->list[0]);
    for (unsigned i = 0; i < count; i++) {
        int result = ph_network_parse(texts[i], &out_networks->list[i], err);
        if (result != PH_OK) {
            return result;
        }
        out_networks->count++;
    }
    return PH_OK;
}

static int fill_contexts(struct ph_server *server, struct ph_error *err)
{
    const struct ph_config_root *root = server->config->root;
    int result = parse_networks(root->auth.plaintext_networks, root->auth.plaintext_networks_count,
                                &server->plaintext_networks, err);
    if (result == PH_OK) {
        result = parse_networks(root->proxy_protocol.networks, root->proxy_protocol.networks_count,
                                &server->proxy_networks, err);
    }
    if (result != PH_OK) {
        return result;
    }
    if (root->pop3.login_delay_seconds > 0) {
        server->login_delays = ph_login_delays_new(root->pop3.login_delay_seconds, &ph_clock_system);
    }
    server->pop3 = (struct ph_pop3_context){
        .mailboxes = server->layers.mailboxes,
        .auth = server->layers.auth,
        .hostname = root->hostname,
        .plaintext_networks = server->plaintext_networks.list,
        .plaintext_network_count = server->plaintext_networks.count,
        .login_delays = server->login_delays,
        .expire_days = root->pop3.expire_days,
        .errors_max = root->limits.errors,
        .timeout_ms = root->pop3.idle_seconds * 1000U,
        .login_timeout_ms = root->pop3.login_seconds * 1000U,
    };
    server->imap = (struct ph_imap_context){
        .mailboxes = server->layers.mailboxes,
        .blobs = server->layers.blobs,
        .auth = server->layers.auth,
        .hostname = root->hostname,
        .plaintext_networks = server->plaintext_networks.list,
        .plaintext_network_count = server->plaintext_networks.count,
        .append_max_bytes = root->limits.message_bytes,
        .spool_dir = server->layers.spool_directory,
        .errors_max = root->limits.errors,
        .timeout_ms = root->imap.idle_seconds * 1000U,
        .login_timeout_ms = root->imap.login_seconds * 1000U,
    };
    server->smtp = (struct ph_smtp_context){
        .deliveries = server->layers.deliveries,
        .accounts = server->layers.accounts,
        .auth = server->layers.auth,
        .hostname = root->hostname,
        .message_max_bytes = root->limits.message_bytes,
        .recipients_max = root->limits.recipients,
        .errors_max = root->limits.errors,
        .unknown_max = root->smtp.unknown_commands,
        .useless_max = root->smtp.useless_commands,
        .command_timeout_ms = root->smtp.command_seconds * 1000U,
        .data_timeout_ms = root->smtp.data_seconds * 1000U,
        .message_timeout_ms = root->smtp.message_seconds * 1000U,
        .plaintext_networks = server->plaintext_networks.list,
        .plaintext_network_count = server->plaintext_networks.count,
        .bare_newline = root->smtp.bare_newline == PH_CONFIG_BARE_NEWLINE_ACCEPT
                            ? PH_SMTP_BARE_NEWLINE_ACCEPT
                            : PH_SMTP_BARE_NEWLINE_REJECT,
        .may_talk_early = root->smtp.early_talkers,
        .may_send_as_others = root->smtp.send_as_others,
        .subaddress_separator = root->smtp.subaddress_separator[0],
    };
    server->admin = ph_layers_admin(&server->layers);
    server->admin.started_us = ph_real_us(&ph_clock_system);
    server->admin_context = (struct ph_admin_context){
        .admin = &server->admin,
        .spool_directory = server->layers.spool_directory,
        .request_bytes_max = root->limits.message_bytes + (UINT64_C(1) << 20),
    };
    return PH_OK;
}

/* ---- Listeners ---- */

static const struct {
    const struct ph_service *service;
    const char *name;
} protocols[] = {
    [PH_CONFIG_PROTOCOL_SMTP] = {&ph_smtp_service, "smtp"},
    [PH_CONFIG_PROTOCOL_SUBMISSION] = {&ph_submission_service, "submission"},
    [PH_CONFIG_PROTOCOL_LMTP] = {&ph_lmtp_service, "lmtp"},
    [PH_CONFIG_PROTOCOL_POP3] = {&ph_pop3_service, "pop3"},
    [PH_CONFIG_PROTOCOL_IMAP] = {&ph_imap_service, "imap"},
};

static const struct {
    enum ph_listener_tls tls;
    const char *name;
} tls_ways[] = {
    [PH_CONFIG_TLS_NONE] = {PH_LISTENER_TLS_NONE, "none"},
    [PH_CONFIG_TLS_STARTTLS] = {PH_LISTENER_TLS_START, "starttls"},
    [PH_CONFIG_TLS_IMPLICIT] = {PH_LISTENER_TLS_IMPLICIT, "implicit"},
};

static void *context_of(struct ph_server *server, enum ph_config_protocol protocol)
{
    switch (protocol) {
    case PH_CONFIG_PROTOCOL_POP3: return &server->pop3;
    case PH_CONFIG_PROTOCOL_IMAP: return &server->imap;
    default: return &server->smtp;
    }
}

static int listen_one(struct ph_server *server, const struct ph_config_listener *config, struct ph_error *err)
{
    const struct ph_listener_options options = {
        .address = config->address,
        .tls = tls_ways[config->tls].tls,
        .has_proxy_header = config->proxy_protocol,
        .unix_mode = (unsigned)strtoul(config->mode, NULL, 8),
        .service = protocols[config->protocol].service,
        .context = context_of(server, config->protocol),
    };
    if (config->protocol == PH_CONFIG_PROTOCOL_IMAP) {
        /* A port where every login would be refused helps nobody. */
        int useless = ph_view_check_store(server->layers.mailboxes, err);
        if (useless != PH_OK) {
            return useless;
        }
    }
    char bound[PH_LISTENER_NAME_MAX];
    /* A port may need root; a unix socket is to be the server's own. */
    bool needs_root = strncmp(config->address, "unix:", 5) != 0;
    if (needs_root) {
        ph_privileges_raise(&server->privileges);
    }
    int result = ph_pool_listen(server->pool, &options, bound, err);
    if (needs_root) {
        ph_privileges_lower_again(&server->privileges);
    }
    if (result == PH_OK) {
        struct ph_log_line line;
        ph_log_begin(&line, &server->log, PH_LOG_INFO, "listening");
        ph_log_str(&line, "protocol", protocols[config->protocol].name);
        ph_log_str(&line, "address", bound);
        ph_log_str(&line, "tls", tls_ways[config->tls].name);
        ph_log_end(&line);
    }
    return result;
}

static int listen_admin(struct ph_server *server, struct ph_error *err)
{
    char *path = ph_layers_path(server->config, "admin.sock");
    size_t size = strlen(path) + sizeof "unix:";
    char *address = ph_alloc(size);
    snprintf(address, size, "unix:%s", path);
    const struct ph_listener_options options = {
        .address = address,
        .tls = PH_LISTENER_TLS_NONE,
        .unix_mode = 0600,
        .service = &ph_admin_service,
        .context = &server->admin_context,
    };
    int result = ph_pool_listen(server->pool, &options, NULL, err);
    free(address);
    free(path);
    return result;
}

static int open_pool(struct ph_server *server, struct ph_error *err)
{
    const struct ph_config_root *root = server->config->root;
    const struct ph_pool_options options = {
        .workers = root->workers.threads,
        .threads_max = root->workers.threads_max,
        .connections_max = root->limits.connections,
        .connections_per_address_max = root->limits.connections_per_address,
        .tls_handshake_ms = root->workers.tls_handshake_seconds * 1000U,
        .stop_grace_ms = root->workers.stop_seconds * 1000U,
        .proxy_networks = server->proxy_networks.list,
        .proxy_network_count = server->proxy_networks.count,
        .log = &server->log,
        .clock = &ph_clock_system,
    };
    int result = ph_pool_new(&options, &server->pool, err);
    if (result != PH_OK) {
        return result;
    }
    server->admin.pool = server->pool;
    result = listen_admin(server, err);
    for (unsigned i = 0; result == PH_OK && i < root->listeners_count; i++) {
        result = listen_one(server, &root->listeners[i], err);
    }
    return result;
}

/* ---- Life ---- */

static void stop_by_signal(void *ctx, int number)
{
    struct ph_server *server = ctx;
    ph_log_event(&server->log, PH_LOG_INFO, "stopping", "signal %d", number);
    ph_notify_stopping();
    ph_pool_stop(server->pool);
    ph_auth_hurry(server->layers.auth); /* sessions that wait for a login are waited for */
}

static void reload_by_signal(void *ctx)
{
    ph_server_reload(ctx);
}

static bool is_alive(void *ctx)
{
    struct ph_server *server = ctx;
    return ph_layers_answer(&server->layers);
}

static int serve(struct ph_server *server, struct ph_error *err)
{
    server->signals = (struct ph_signals){
        .ctx = server,
        .stop = stop_by_signal,
        .reload = reload_by_signal,
        .is_alive = is_alive,
    };
    int result = ph_signals_start(&server->signals, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_log_line line;
    ph_log_begin(&line, &server->log, PH_LOG_INFO, "ready");
    ph_log_str(&line, "version", PH_VERSION);
    ph_log_str(&line, "hostname", server->config->root->hostname);
    ph_log_str(&line, "data_dir", server->config->root->data_dir);
    ph_log_u64(&line, "pid", (uint64_t)getpid());
    ph_log_end(&line);
    ph_notify_ready();
    result = ph_pool_run(server->pool, err);
    ph_signals_end(&server->signals);
    return result;
}

static bool does_a_server_answer(const struct ph_server *server)
{
    char *path = ph_layers_path(server->config, "admin.sock");
    struct ph_admin_client *client = NULL;
    bool does_answer = ph_admin_connect(path, &client, NULL) == PH_OK;
    ph_admin_disconnect(&client);
    free(path);
    return does_answer;
}

/* Where the store is elsewhere, the directory still has the spool and the socket of one server. The kernel drops the
 * lock with the process. */
static int lock_data_dir(struct ph_server *server, struct ph_error *err)
{
    if (server->config->root->store.engine != PH_CONFIG_ENGINE_CASSANDRA) {
        return PH_OK; /* the embedded store has a lock of its own */
    }
    const char *data_dir = server->config->root->data_dir;
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.200s", data_dir);
    }
    char *path = ph_layers_path(server->config, "server.lock");
    int result = PH_OK;
    server->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (server->lock_fd < 0) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.200s", path);
    } else if (flock(server->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        result = ph_fail(err, PH_EBUSY, "%.200s: another posthouse serves from here", data_dir);
    }
    free(path);
    return result;
}

/* A command that has the store open is done soon, and so is a server that is stopping. One that serves is not. */
static int open_layers(struct ph_server *server, struct ph_error *err)
{
    int locked = lock_data_dir(server, err);
    if (locked != PH_OK) {
        return locked;
    }
    int result = ph_layers_open(&server->layers, server->config, &server->log, false, err);
    for (unsigned waited_ms = 0; result == PH_EBUSY && waited_ms < LOCK_PATIENCE_MS;
         waited_ms += LOCK_PAUSE_MS) {
        if (does_a_server_answer(server)) {
            break;
        }
        usleep(LOCK_PAUSE_MS * 1000U);
        result = ph_layers_open(&server->layers, server->config, &server->log, false, err);
    }
    return result;
}

static int start(struct ph_server *server, struct ph_error *err)
{
    struct ph_tls_context *tls = NULL;
    int result = ph_config_tls(server->config, &tls, err);
    if (result == PH_OK) {
        result = ph_privileges_find(server->config, &server->privileges, err);
    }
    if (result == PH_OK) {
        result = ph_privileges_lower(&server->privileges, server->config, err);
    }
    if (result == PH_OK) {
        result = ph_sandbox_paths(server->config, ph_cli_config_path(server->call), &server->landlock_version,
                                  err);
    }
    if (result == PH_OK) {
        result = open_layers(server, err);
    }
    if (result == PH_OK) {
        check_process(server);
        result = fill_contexts(server, err);
    }
    if (result == PH_OK) {
        result = open_pool(server, err);
    }
    if (result == PH_OK && tls != NULL) {
        ph_pool_set_tls(server->pool, tls);
    }
    ph_tls_context_unref(&tls);
    if (result == PH_OK) {
        result = ph_privileges_drop(&server->privileges, err);
    }
    if (result == PH_OK) {
        result = ph_sandbox_calls(server->config, err);
    }
    if (result == PH_OK) {
        check_keys(server);
        ph_sandbox_log(server->config, server->landlock_version, &server->log);
    }
    return result;
}

static void undo(struct ph_server *server)
{
    if (server->pool != NULL) {
        ph_pool_free(&server->pool);
    }
    if (server->login_delays != NULL) {
        ph_login_delays_free(&server->login_delays);
    }
    if (server->layers.config != NULL) {
        ph_layers_close(&server->layers);
    }
    free(server->plaintext_networks.list);
    free(server->proxy_networks.list);
    if (server->lock_fd >= 0) {
        close(server->lock_fd);
    }
}

int ph_server_run(struct ph_server *server, const struct ph_cli_call *call, const struct ph_config *config)
{
    *server = (struct ph_server){.call = call, .config = config, .lock_fd = -1};
    ph_layers_log(config, &server->log);
    ph_signals_block();
    umask(077);
    raise_descriptors(server);
    if (config->root->listeners_count == 0) {
        ph_log_event(&server->log, PH_LOG_WARNING, "no-listeners",
                     "only the command line can reach this server");
    }
    struct ph_error err = {0};
    int result = start(server, &err);
    bool has_started = result == PH_OK;
    if (has_started) {
        result = serve(server, &err);
    }
    if (result != PH_OK) {
        struct ph_log_line line;
        ph_log_begin(&line, &server->log, PH_LOG_ERROR, has_started ? "failed" : "start-failed");
        ph_log_error(&line, &err);
        ph_log_end(&line);
        ph_notify_failed(err.text);
    }
    undo(server);
    if (has_started) {
        ph_log_event(&server->log, PH_LOG_INFO, "stopped", "%s",
                     result == PH_OK ? "everything is on disk" : ph_error_name(result));
    }
    /* Nothing but the configuration and what it names is input here, and no limit is passed but the disk's. */
    return result == PH_EINVALID ? EX_CONFIG : result == PH_ELIMIT ? EX_TEMPFAIL : ph_cli_exit_code(result);
}

int ph_cli_serve(const struct ph_cli_call *call)
{
    struct ph_config *config = NULL;
    int code = ph_cli_load_config(call, &config);
    if (code != EX_OK) {
        return code;
    }
    struct ph_server *server = ph_zalloc(sizeof *server);
    code = ph_server_run(server, call, config);
    free(server);
    ph_config_free(&config);
    return code;
}
