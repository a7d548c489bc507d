/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock by its three system calls; libc has no functions for them, and the kernel's headers of the machine that builds
 * may be older than the kernel that runs. So the few numbers of its interface stand here (landlock(7)).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/sandbox.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)       /* since version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)    /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15)   /* 5 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1) /* 4 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)    /* 6 */

/* What a rule may say of a file that is no directory. */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

static int allow(int ruleset, const char *path, uint64_t allowed, struct ph_error *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return PH_OK; /* not there: nothing to allow */
    }
    struct stat info;
    bool is_directory = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
    struct path_rule rule = {.allowed = is_directory ? allowed : allowed & FS_OF_FILES, .fd = fd};
    int result = PH_OK;
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0) {
        result = ph_fail_errno(err, PH_EUNAVAILABLE, errno, "landlock: %.160s", path);
    }
    close(fd);
    return result;
}

static int allow_all(int ruleset, const char *const *paths, size_t count, uint64_t allowed,
                     struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < count; i++) {
        result = allow(ruleset, paths[i], allowed, err);
    }
    return result;
}

int ph_landlock_restrict(const struct ph_paths *paths, int *out_version, struct ph_error *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    *out_version = version < 0 ? 0 : (int)version;
    if (version < 1) {
        return PH_OK;
    }
    const struct ruleset handled = {
        .fs = FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
              (version >= 5 ? FS_IOCTL_DEV : 0),
        .net = version >= 4 && !paths->may_connect ? NET_CONNECT_TCP : 0,
        .scoped = version >= 6 ? SCOPE_SIGNAL : 0,
    };
    /* An older kernel takes a longer struct as long as what it does not know is zero. */
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (ruleset < 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "landlock");
    }
    int result = allow_all(ruleset, paths->writable, paths->writable_count, handled.fs & ~FS_EXECUTE, err);
    if (result == PH_OK) {
        result = allow_all(ruleset, paths->readable, paths->readable_count, FS_READ_FILE | FS_READ_DIR, err);
    }
    if (result == PH_OK) {
        result = allow_all(ruleset, paths->socket_dirs, paths->socket_dir_count,
                           FS_READ_DIR | FS_MAKE_SOCK | FS_REMOVE_FILE, err);
    }
    if (result == PH_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        result = ph_fail_errno(err, PH_EUNAVAILABLE, errno, "landlock");
    }
    close(ruleset);
    return result;
}
