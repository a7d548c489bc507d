/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is written under another name, read back and checked as the server will, and renamed: a configuration that
 * stands under its name is one that works.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/check_config.h"
#include "app/init.h"
#include "base/mem.h"

void ph_init_config_text(const struct ph_init_plan *plan, struct ph_buf *text)
{
    ph_buf_str(text,
               "# Configuration of Posthouse, written by `posthouse init`; posthouse.yaml(5) has every key.\n"
               "# After a change: `posthouse check-config`, then restart or reload.\n\n");
    ph_buf_printf(text, "hostname: %s\ndata_dir: \"%s\"\n", plan->hostname, plan->data_dir);
    if (plan->has_owner) {
        ph_buf_str(text, "# Whom the server becomes where root starts it.\nuser: " PH_INIT_SERVER_USER "\n");
    }
    ph_buf_str(text, "\nlisteners:\n");
    for (unsigned i = 0; i < PH_INIT_SERVICE_COUNT; i++) {
        for (size_t at = 0; plan->ports[i] != PH_INIT_NO_PORT && at < plan->address_count; at++) {
            ph_buf_printf(text, "  - {protocol: %s, address: \"%s:%d\", tls: %s}\n",
                          ph_init_services[i].protocol, plan->addresses[at], plan->ports[i],
                          ph_init_services[i].tls);
        }
    }
    ph_buf_str(
        text,
        "  # For a mail server in front of this one.\n"
        "  # - {protocol: lmtp, address: \"unix:/run/posthouse/lmtp.sock\", tls: none, mode: \"0660\"}\n");
    ph_buf_printf(text, "\ntls:\n  certificates:\n    - certificate: \"%s\"\n      key: \"%s\"\n",
                  plan->certificate, plan->key);
}

int ph_init_directories(const char *path, struct ph_error *err)
{
    char *copy = ph_strdup(path);
    int result = PH_OK;
    for (char *at = copy + 1; result == PH_OK; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char was = *at;
        *at = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST) {
            result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", copy);
        }
        *at = was;
        if (was == '\0') {
            break;
        }
    }
    free(copy);
    return result;
}

static int write_text(const char *path, const struct ph_buf *text, struct ph_error *err)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", path);
    }
    int result = PH_OK;
    if (write(fd, text->ptr, text->len) != (ssize_t)text->len || fsync(fd) != 0) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", path);
    }
    close(fd);
    return result;
}

static int check(const char *path, struct ph_error *err)
{
    const struct ph_config_source source = {.path = path};
    struct ph_buf problems = PH_BUF(PH_CONFIG_PROBLEMS_MAX);
    struct ph_config *config = NULL;
    struct ph_tls_context *tls = NULL;
    int result = ph_config_load(&source, &config, &problems, err);
    if (result == PH_EINVALID && problems.len > 0) {
        struct ph_bytes first =
            ph_bytes_first(ph_buf_view(&problems), ph_bytes_find(ph_buf_view(&problems), '\n'));
        result = ph_fail(err, result, "%.*s", (int)first.len, (const char *)first.ptr);
    }
    if (result == PH_OK) {
        result = ph_config_tls(config, &tls, err);
    }
    ph_tls_context_unref(&tls);
    ph_config_free(&config);
    ph_buf_fini(&problems);
    return result;
}

static char *with_ending(const char *path, const char *ending)
{
    struct ph_buf name = PH_BUF(8192);
    ph_buf_printf(&name, "%s%s", path, ending);
    char *copy = ph_strdup(ph_buf_cstr(&name));
    ph_buf_fini(&name);
    return copy;
}

/* Without --force by link(2), which refuses a name that exists, also one that came meanwhile. */
static int give_name(const char *from, const char *path, bool may_replace, struct ph_error *err)
{
    if (!may_replace) {
        if (link(from, path) != 0) {
            return ph_fail_errno(err, errno == EEXIST ? PH_ECONFLICT : ph_error_class_of_errno(errno), errno,
                                 "%.160s", path);
        }
        (void)unlink(from);
        return PH_OK;
    }
    char *old = with_ending(path, ".old");
    int result = PH_OK;
    if ((rename(path, old) != 0 && errno != ENOENT) || rename(from, path) != 0) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", path);
    }
    free(old);
    return result;
}

int ph_init_write_config(const struct ph_init_plan *plan, bool may_replace, struct ph_error *err)
{
    struct ph_buf text = PH_BUF(PH_INIT_TEXT_MAX);
    ph_init_config_text(plan, &text);
    char *fresh = with_ending(plan->config_path, ".new");
    int result = write_text(fresh, &text, err);
    if (result == PH_OK) {
        result = check(fresh, err);
    }
    if (result == PH_OK) {
        result = give_name(fresh, plan->config_path, may_replace, err);
    }
    if (result != PH_OK) {
        (void)unlink(fresh);
    }
    free(fresh);
    ph_buf_fini(&text);
    return result;
}
