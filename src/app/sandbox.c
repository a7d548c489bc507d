/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "mime/charset.h"

/* ---- Who we are ---- */

/* The calling thread's; libc has no function for it. */
static int get_capabilities(struct __user_cap_data_struct sets[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return (int)syscall(SYS_capget, &header, sets);
}

static void set_capabilities(uint32_t effective, uint32_t permitted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct sets[2] = {{.effective = effective, .permitted = permitted}};
    /* Giving up is always allowed, unless a filter around us forbids the call: then they are of no use either. */
    (void)syscall(SYS_capset, &header, sets);
}

static const uint32_t to_bind = UINT32_C(1) << CAP_NET_BIND_SERVICE;

int ph_privileges_find(const struct ph_config *config, struct ph_privileges *out, struct ph_error *err)
{
    *out = (struct ph_privileges){0};
    const char *user = config->root->user;
    const char *group = config->root->group;
    if (geteuid() != 0) {
        struct __user_cap_data_struct sets[2] = {0};
        out->has_to_bind = get_capabilities(sets) == 0 && (sets[0].permitted & to_bind) != 0;
        return PH_OK;
    }
    if (user[0] == '\0') {
        return PH_OK;
    }
    char space[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwnam_r(user, &entry, space, sizeof space, &found) != 0 || found == NULL) {
        return ph_fail(err, PH_EINVALID, "user: the system has no user \"%.100s\"", user);
    }
    *out = (struct ph_privileges){.has_user = entry.pw_uid != 0, .uid = entry.pw_uid, .gid = entry.pw_gid};
    struct group group_entry;
    struct group *group_found = NULL;
    if (group[0] != '\0') {
        if (getgrnam_r(group, &group_entry, space, sizeof space, &group_found) != 0 || group_found == NULL) {
            return ph_fail(err, PH_EINVALID, "group: the system has no group \"%.100s\"", group);
        }
        out->gid = group_entry.gr_gid;
    }
    return PH_OK;
}

static int take_data_dir(const struct ph_privileges *privileges, const char *path, struct ph_error *err)
{
    struct stat info;
    if (mkdir(path, 0700) == 0) {
        if (chown(path, privileges->uid, privileges->gid) != 0) {
            return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", path);
        }
    } else if (errno == EEXIST && stat(path, &info) == 0 && info.st_uid != privileges->uid) {
        return ph_fail(
            err, PH_EDENIED,
            "%.120s belongs to uid %u, the server is to run as uid %u: chown -R it, or change `user`", path,
            (unsigned)info.st_uid, (unsigned)privileges->uid);
    }
    return PH_OK; /* what else is wrong, opening it will say */
}

int ph_privileges_lower(const struct ph_privileges *privileges, const struct ph_config *config,
                        struct ph_error *err)
{
    if (privileges->has_to_bind) {
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        set_capabilities(0, to_bind);
    }
    if (!privileges->has_user) {
        return PH_OK;
    }
    int result = take_data_dir(privileges, config->root->data_dir, err);
    if (result != PH_OK) {
        return result;
    }
    if (setgroups(0, NULL) != 0 || setresgid(privileges->gid, privileges->gid, privileges->gid) != 0 ||
        setresuid(privileges->uid, privileges->uid, 0) != 0) {
        return ph_fail_errno(err, PH_EDENIED, errno, "becoming uid %u", (unsigned)privileges->uid);
    }
    return PH_OK;
}

/* The system call itself reaches the calling thread alone; libc's function would take along those that write files. */
static void set_effective(const struct ph_privileges *privileges, uid_t uid)
{
    if (privileges->has_user && syscall(SYS_setresuid, (uid_t)-1, uid, (uid_t)-1) != 0 && uid != 0) {
        abort(); /* root that cannot be left is no state to go on in */
    }
}

void ph_privileges_raise(const struct ph_privileges *privileges)
{
    set_effective(privileges, 0);
    if (privileges->has_to_bind) {
        set_capabilities(to_bind, to_bind);
    }
}

void ph_privileges_lower_again(const struct ph_privileges *privileges)
{
    set_effective(privileges, privileges->uid);
    if (privileges->has_to_bind) {
        set_capabilities(0, to_bind);
    }
}

int ph_privileges_drop(const struct ph_privileges *privileges, struct ph_error *err)
{
    if (privileges->has_to_bind) {
        set_capabilities(0, 0);
    }
    if (!privileges->has_user) {
        return PH_OK;
    }
    uid_t uid = privileges->uid;
    if (setresuid(uid, uid, uid) != 0) {
        return ph_fail_errno(err, PH_EDENIED, errno, "becoming uid %u for good", (unsigned)uid);
    }
    uid_t real = 0;
    uid_t effective = 0;
    uid_t saved = 0;
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid ||
        setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgroups(0, NULL) == 0) {
        return ph_fail(err, PH_EBUG, "the privileges of root could be had again");
    }
    return PH_OK;
}

/* ---- What we reach ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif

bool ph_sandbox_is_possible(void)
{
#ifdef HAS_SANITIZER
    return false;
#else
    return true;
#endif
}

enum { PATHS_MAX = 4096 };

struct path_list {
    char **paths;
    size_t count;
};

static void add(struct path_list *list, const char *path)
{
    list->paths = ph_realloc(list->paths, (list->count + 1) * sizeof list->paths[0]);
    list->paths[list->count++] = ph_strdup(path);
}

/* "." for a name without directory: relative to where the command was given. */
static void add_directory_of(struct path_list *list, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL   ? ph_strdup(".")
                      : slash == path ? ph_strdup("/")
                                      : ph_bytes_dup(ph_bytes_of(path, (size_t)(slash - path)));
    add(list, directory);
    free(directory);
}

/* The directory, so that a file that replaces this one can be read too; and where links lead, as those of ACME
 * clients. */
static void add_file(struct path_list *list, const char *path)
{
    add_directory_of(list, path);
    char *real = realpath(path, NULL);
    if (real != NULL && strcmp(real, path) != 0) {
        add_directory_of(list, real);
    }
    free(real);
}

static void free_list(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
}

static bool is_cassandra(const struct ph_config *config)
{
    return config->root->store.engine == PH_CONFIG_ENGINE_CASSANDRA;
}

/* What proves us and those that content and rows lie at, and what finds them by their names. */
static void add_remote(struct path_list *readable, const struct ph_config_cassandra *config,
                       const struct ph_config_s3 *s3)
{
    static const char *const of_names[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
                                           "/etc/gai.conf"};
    const char *const files[] = {config->password_file, config->tls_ca_file, config->tls_certificate_file,
                                 config->tls_key_file,  s3->key_file,        s3->tls_ca_file};
    for (size_t i = 0; i < sizeof of_names / sizeof of_names[0]; i++) {
        add(readable, of_names[i]); /* a link is followed */
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i][0] != '\0') {
            add_file(readable, files[i]);
        }
    }
}

static int restrict_paths(const struct ph_config *config, const char *config_path, int *out_version,
                          struct ph_error *err)
{
    /* Of the system: time zones, settings of OpenSSL, libraries that libc loads late, the number of processors. */
    static const char *const of_system[] = {
        "/etc/localtime",
        "/etc/ssl",
        "/etc/ld.so.cache",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/etc/group",
        "/usr/lib",
        "/usr/share/zoneinfo",
        "/lib",
        "/lib64",
        "/dev/null",
        "/dev/urandom",
        "/sys/devices/system/cpu",
    };
    const struct ph_config_root *root = config->root;
    struct path_list writable = {0};
    struct path_list readable = {0};
    struct path_list sockets = {0};
    add(&writable, root->data_dir);
    for (unsigned i = 0; i < root->sandbox.directories_count; i++) {
        add(&writable, root->sandbox.directories[i]);
    }
    for (size_t i = 0; i < sizeof of_system / sizeof of_system[0]; i++) {
        add(&readable, of_system[i]);
    }
    add_file(&readable, config_path);
    for (unsigned i = 0; i < root->tls.certificates_count; i++) {
        add_file(&readable, root->tls.certificates[i].certificate);
        add_file(&readable, root->tls.certificates[i].key);
    }
    for (unsigned i = 0; i < root->listeners_count; i++) {
        const char *address = root->listeners[i].address;
        if (strncmp(address, "unix:", 5) == 0) {
            add_directory_of(&sockets, address + 5);
        }
    }
    if (is_cassandra(config)) {
        add_remote(&readable, &root->cassandra, &root->s3);
    }
    const struct ph_paths paths = {
        .writable = (const char *const *)writable.paths,
        .writable_count = writable.count,
        .readable = (const char *const *)readable.paths,
        .readable_count = readable.count,
        .socket_dirs = (const char *const *)sockets.paths,
        .socket_dir_count = sockets.count,
        .may_connect = is_cassandra(config),
    };
    int result = ph_landlock_restrict(&paths, out_version, err);
    free_list(&writable);
    free_list(&readable);
    free_list(&sockets);
    return result;
}

int ph_sandbox_paths(const struct ph_config *config, const char *config_path, int *out_version,
                     struct ph_error *err)
{
    *out_version = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "PR_SET_NO_NEW_PRIVS");
    }
    if (!ph_sandbox_is_possible() || !config->root->sandbox.landlock) {
        return PH_OK;
    }
    /* Landlock binds to what is there. One level, as opening it would make. */
    const char *data_dir = config->root->data_dir;
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", data_dir);
    }
    return restrict_paths(config, config_path, out_version, err);
}

int ph_sandbox_calls(const struct ph_config *config, struct ph_error *err)
{
    if (!ph_sandbox_is_possible()) {
        return PH_OK;
    }
    /* Secrets are in memory: no core file, no tracer but root's. Changing uids sets it too, so it comes last. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "PR_SET_DUMPABLE");
    }
    /* Behind the filter no code can be loaded any more: libc's converters are. */
    ph_charset_keep_all();
    return ph_seccomp_restrict(config->root->sandbox.seccomp, is_cassandra(config), err);
}

void ph_sandbox_log(const struct ph_config *config, int landlock_version, const struct ph_log *log)
{
    static const char *const modes[] = {
        [PH_CONFIG_SECCOMP_ENFORCE] = "enforce",
        [PH_CONFIG_SECCOMP_KILL] = "kill",
        [PH_CONFIG_SECCOMP_LOG] = "log",
        [PH_CONFIG_SECCOMP_OFF] = "off",
    };
    const struct ph_config_sandbox *sandbox = &config->root->sandbox;
    bool is_possible = ph_sandbox_is_possible();
    bool is_lacking = is_possible && sandbox->landlock && landlock_version == 0;
    struct ph_log_line line;
    ph_log_begin(&line, log, is_lacking ? PH_LOG_WARNING : PH_LOG_INFO, "sandbox");
    ph_log_str(&line, "seccomp", is_possible ? modes[sandbox->seccomp] : "off");
    if (is_possible && landlock_version > 0) {
        ph_log_u64(&line, "landlock", (uint64_t)landlock_version);
    } else {
        ph_log_str(&line, "landlock", is_lacking ? "absent" : "off");
    }
    ph_log_u64(&line, "uid", (uint64_t)geteuid());
    if (!is_possible) {
        ph_log_str(&line, "reason", "built with a sanitizer");
    } else if (is_lacking) {
        ph_log_str(&line, "reason",
                   "this kernel has no Landlock: files outside the data directory are not fenced off");
    }
    ph_log_end(&line);
}
