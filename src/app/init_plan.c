/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `posthouse init` is to do: from options, else from answers on the terminal, else from what is usual.
 */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config_kind.h"
#include "app/init.h"
#include "app/input.h"
#include "base/mem.h"

const struct ph_init_service_info ph_init_services[PH_INIT_SERVICE_COUNT] = {
#define SERVICE_INFO(name, word, protocol, tls, port, record) \
    [PH_INIT_##name] = {word, protocol, tls, port, record},
    PH_INIT_SERVICES(SERVICE_INFO)
#undef SERVICE_INFO
};

void ph_init_plan_fini(struct ph_init_plan *plan)
{
    free(plan->hostname);
    free(plan->domain);
    free(plan->user);
    free(plan->data_dir);
    free(plan->certificate);
    free(plan->key);
    for (size_t i = 0; i < plan->address_count; i++) {
        free(plan->addresses[i]);
    }
    *plan = (struct ph_init_plan){0};
}

/* ---- Answers to values ---- */

static struct ph_bytes next_item(struct ph_bytes *rest)
{
    size_t end = ph_bytes_find(*rest, ',');
    struct ph_bytes item = ph_bytes_trim(ph_bytes_first(*rest, end));
    *rest = end < rest->len ? ph_bytes_from(*rest, end + 1) : ph_bytes_of(NULL, 0);
    return item;
}

int ph_init_parse_ports(struct ph_init_plan *plan, const char *text, struct ph_error *err)
{
    struct ph_bytes rest = ph_bytes_str(text);
    while (rest.len > 0) {
        struct ph_bytes item = next_item(&rest);
        size_t equals = ph_bytes_find(item, '=');
        struct ph_bytes name = ph_bytes_first(item, equals);
        struct ph_bytes value = equals < item.len ? ph_bytes_from(item, equals + 1) : ph_bytes_of(NULL, 0);
        unsigned i = 0;
        while (i < PH_INIT_SERVICE_COUNT && !ph_bytes_eq(name, ph_bytes_str(ph_init_services[i].name))) {
            i++;
        }
        uint64_t port = 0;
        if (i < PH_INIT_SERVICE_COUNT && ph_bytes_eq(value, PH_BYTES("none"))) {
            plan->ports[i] = PH_INIT_NO_PORT;
        } else if (i < PH_INIT_SERVICE_COUNT && ph_bytes_to_u64(value, &port) && port <= 65535) {
            plan->ports[i] = (int)port;
        } else {
            return ph_fail(
                err, PH_EINVALID,
                "ports: expected NAME=PORT or NAME=none, NAME one of smtp submission submissions pop3 pop3s imap imaps, "
                "found \"%.*s\"",
                (int)item.len, (const char *)item.ptr);
        }
    }
    return PH_OK;
}

int ph_init_parse_addresses(struct ph_init_plan *plan, const char *text, struct ph_error *err)
{
    while (plan->address_count > 0) {
        free(plan->addresses[--plan->address_count]);
    }
    struct ph_bytes rest = ph_bytes_str(text);
    while (rest.len > 0 && plan->address_count < PH_INIT_ADDRESSES_MAX) {
        struct ph_bytes item = next_item(&rest);
        bool is_bare = item.len > 0 && item.ptr[0] != '[' && ph_bytes_find(item, ':') < item.len;
        struct ph_buf address = PH_BUF(256);
        ph_buf_printf(&address, is_bare ? "[%.*s]:0" : "%.*s:0", (int)item.len, (const char *)item.ptr);
        bool is_valid = ph_config_kind_has(PH_CONFIG_KIND_ADDRESS, ph_buf_view(&address));
        if (is_valid) {
            plan->addresses[plan->address_count++] =
                ph_bytes_dup(ph_bytes_first(ph_buf_view(&address), address.len - 2));
        }
        ph_buf_fini(&address);
        if (!is_valid) {
            return ph_fail(err, PH_EINVALID,
                           "address: expected IP addresses as 192.0.2.1,[2001:db8::1], found \"%.*s\"",
                           (int)item.len, (const char *)item.ptr);
        }
    }
    return plan->address_count > 0 ? PH_OK : ph_fail(err, PH_EINVALID, "address: expected one at least");
}

static int check_name(const char *what, const char *text, struct ph_error *err)
{
    if (ph_config_kind_has(PH_CONFIG_KIND_HOSTNAME, ph_bytes_str(text))) {
        return PH_OK;
    }
    return ph_fail(err, PH_EINVALID, "%s: expected a name as mx.example.org, found \"%.100s\"", what, text);
}

/* A path also stands between quotes in the file. */
static int check_path(const char *what, const char *text, struct ph_error *err)
{
    if (ph_config_kind_has(PH_CONFIG_KIND_PATH, ph_bytes_str(text)) && strpbrk(text, "\"\\") == NULL) {
        return PH_OK;
    }
    return ph_fail(err, PH_EINVALID, "%s: expected an absolute path without \" and \\, found \"%.100s\"",
                   what, text);
}

/* ---- Asking ---- */

struct asker {
    const struct ph_cli_call *call;
    bool may_ask;
};

/* The option, else an answer on the terminal, else FALLBACK. The caller frees *OUT_TEXT. */
static int answer(const struct asker *asker, enum ph_cli_option option, const char *question,
                  const char *fallback, char **out_text, struct ph_error *err)
{
    const char *given = asker->call->values[option];
    if (given != NULL || !asker->may_ask) {
        *out_text = ph_strdup(given == NULL ? fallback : given);
        return PH_OK;
    }
    struct ph_buf line = PH_BUF(4096);
    int result = ph_input_ask(question, fallback, &line, err);
    *out_text = ph_strdup(line.len == 0 ? fallback : ph_buf_cstr(&line));
    ph_buf_fini(&line);
    return result;
}

static int ask_names(const struct asker *asker, struct ph_init_plan *plan, struct ph_error *err)
{
    char machine[256] = "";
    (void)gethostname(machine, sizeof machine - 1);
    int result =
        answer(asker, PH_CLI_HOSTNAME, "Name of this host in the DNS", machine, &plan->hostname, err);
    if (result == PH_OK) {
        result = check_name("host name", plan->hostname, err);
    }
    if (result == PH_OK && strchr(plan->hostname, '.') == NULL) {
        result =
            ph_fail(err, PH_EINVALID, "host name: expected a full name as mx.example.org, found \"%.100s\"",
                    plan->hostname);
    }
    if (result != PH_OK) {
        return result;
    }
    /* mx.example.org takes mail for example.org. */
    const char *parent = strchr(plan->hostname, '.') + 1;
    const char *guess = strchr(parent, '.') == NULL ? plan->hostname : parent;
    result = answer(asker, PH_CLI_DOMAIN, "Domain to take mail for, or none", asker->may_ask ? guess : "",
                    &plan->domain, err);
    if (result == PH_OK && strcmp(plan->domain, "none") == 0) {
        plan->domain[0] = '\0';
    }
    return result == PH_OK && plan->domain[0] != '\0' ? check_name("domain", plan->domain, err) : result;
}

static int ask_user(const struct asker *asker, struct ph_init_plan *plan, struct ph_error *err)
{
    if (plan->domain[0] == '\0') {
        plan->user = ph_strdup("");
        return asker->call->values[PH_CLI_USER] == NULL
                   ? PH_OK
                   : ph_fail(err, PH_EINVALID, "user: a domain is needed too");
    }
    char *user = NULL;
    int result =
        answer(asker, PH_CLI_USER, "First user, or none", asker->may_ask ? "postmaster" : "", &user, err);
    struct ph_buf name = PH_BUF(1024);
    if (user != NULL && user[0] != '\0' && strcmp(user, "none") != 0) {
        ph_buf_str(&name, user);
        if (strchr(user, '@') == NULL) {
            ph_buf_printf(&name, "@%s", plan->domain);
        }
    }
    free(user);
    plan->user = ph_strdup(ph_buf_cstr(&name));
    ph_buf_fini(&name);
    if (result == PH_OK && plan->user[0] != '\0' && !asker->may_ask &&
        !ph_cli_has(asker->call, PH_CLI_PASSWORD_STDIN)) {
        result =
            ph_fail(err, PH_EINVALID, "no terminal to ask for the user's password on: give --password-stdin");
    }
    return result;
}

static int ask_ports(const struct asker *asker, struct ph_init_plan *plan, struct ph_error *err)
{
    struct ph_buf standard = PH_BUF(256);
    for (unsigned i = 0; i < PH_INIT_SERVICE_COUNT; i++) {
        plan->ports[i] = (int)ph_init_services[i].port;
        ph_buf_printf(&standard, "%s%s=%d", i == 0 ? "" : ",", ph_init_services[i].name, plan->ports[i]);
    }
    char *ports = NULL;
    int result =
        answer(asker, PH_CLI_PORTS, "Ports (NAME=none leaves one out)", ph_buf_cstr(&standard), &ports, err);
    if (result == PH_OK) {
        result = ph_init_parse_ports(plan, ports, err);
    }
    free(ports);
    ph_buf_fini(&standard);
    if (result == PH_OK) {
        const char *given = asker->call->values[PH_CLI_ADDRESS];
        /* [::] cannot be listened on where the system has no IPv6. */
        bool has_ipv6 = access("/proc/net/if_inet6", F_OK) == 0;
        result = ph_init_parse_addresses(plan,
                                         given != NULL ? given
                                         : has_ipv6    ? "0.0.0.0,[::]"
                                                       : "0.0.0.0",
                                         err);
    }
    return result;
}

static int ask_certificate(const struct asker *asker, struct ph_init_plan *plan, struct ph_error *err)
{
    const struct ph_cli_call *call = asker->call;
    if ((call->values[PH_CLI_CERTIFICATE] == NULL) != (call->values[PH_CLI_KEY] == NULL)) {
        return ph_fail(err, PH_EINVALID, "--certificate and --key belong together");
    }
    int result =
        answer(asker, PH_CLI_CERTIFICATE, "Certificate of an ACME client (PEM), or none to sign one here",
               asker->may_ask ? "none" : "", &plan->certificate, err);
    if (result == PH_OK && plan->certificate[0] != '\0' && strcmp(plan->certificate, "none") != 0) {
        result = answer(asker, PH_CLI_KEY, "Its key (PEM)", "", &plan->key, err);
        result = result == PH_OK ? check_path("certificate", plan->certificate, err) : result;
        return result == PH_OK ? check_path("key", plan->key, err) : result;
    }
    plan->is_self_signed = true;
    free(plan->certificate);
    struct ph_buf path = PH_BUF(8192);
    const char *slash = strrchr(plan->config_path, '/');
    ph_buf_printf(&path, "%.*s/tls/%s", (int)(slash - plan->config_path), plan->config_path, plan->hostname);
    size_t stem = path.len;
    ph_buf_str(&path, ".pem");
    plan->certificate = ph_strdup(ph_buf_cstr(&path));
    path.len = stem;
    ph_buf_str(&path, ".key");
    plan->key = ph_strdup(ph_buf_cstr(&path));
    ph_buf_fini(&path);
    return result;
}

static void find_owner(struct ph_init_plan *plan)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char space[4096];
    if (geteuid() == 0 && getpwnam_r(PH_INIT_SERVER_USER, &entry, space, sizeof space, &found) == 0 &&
        found != NULL) {
        plan->has_owner = true;
        plan->uid = entry.pw_uid;
        plan->gid = entry.pw_gid;
    }
}

int ph_init_make_plan(const struct ph_cli_call *call, struct ph_init_plan *plan, struct ph_error *err)
{
    const struct asker is = {.call = call,
                             .may_ask = isatty(STDIN_FILENO) != 0 && !ph_cli_has(call, PH_CLI_YES)};
    const struct asker *asker = &is;
    plan->config_path = ph_cli_config_path(call);
    int result = check_path("--config", plan->config_path, err);
    if (result == PH_OK && access(plan->config_path, F_OK) == 0 && !ph_cli_has(asker->call, PH_CLI_FORCE)) {
        result = ph_fail(err, PH_ECONFLICT, "%.160s exists; --force replaces it and keeps it as %.20s",
                         plan->config_path, "FILE.old");
    }
    if (result == PH_OK) {
        result = ask_names(asker, plan, err);
    }
    if (result == PH_OK) {
        result = ask_user(asker, plan, err);
    }
    if (result == PH_OK) {
        result = ask_ports(asker, plan, err);
    }
    if (result == PH_OK) {
        result = ask_certificate(asker, plan, err);
    }
    if (result == PH_OK) {
        const char *given = asker->call->values[PH_CLI_DATA_DIR];
        plan->data_dir = ph_strdup(given == NULL ? "/var/lib/posthouse" : given);
        result = check_path("--data-dir", plan->data_dir, err);
    }
    find_owner(plan);
    return result;
}
