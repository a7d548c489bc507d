/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that a server which has started makes: seen by running every test suite with `sandbox.seccomp: kill`,
 * and those that libc, SQLite and OpenSSL make in place of them on other versions or under other load.
 *
 * Some are allowed by their arguments: clone only for threads (clone3, whose arguments a filter cannot see, answers that
 * it is unknown, and libc takes clone); socket only for unix sockets, which notices to systemd need, and where the store
 * is Cassandra for such as connect (listen is not among the calls); memory never executable. A call that is not of this machine's own architecture ends the process.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "app/sandbox.h"

static const char *const calls[] = {
    /* files */
    "access",
    "chmod",
    "close",
    "close_range",
    "copy_file_range",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents",
    "getdents64",
    "ioctl",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "stat",
    "statfs",
    "statx",
    "sync_file_range",
    "syncfs",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
    /* sockets that there are */
    "accept",
    "accept4",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    /* waiting */
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    /* time */
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "gettimeofday",
    "nanosleep",
    "time",
    "times",
    /* memory */
    "brk",
    "madvise",
    "mincore",
    "mlock",
    "mlock2",
    "mremap",
    "msync",
    "munlock",
    "munmap",
    /* threads and signals */
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "membarrier",
    "prctl",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setaffinity",
    "sched_setscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "setpriority",
    "sigaltstack",
    "tgkill",
    /* about us and the machine */
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "gettid",
    "getuid",
    "prlimit64",
    "sysinfo",
    "uname",
};

static const uint32_t actions[] = {
    [PH_CONFIG_SECCOMP_ENFORCE] = SCMP_ACT_ERRNO(EPERM),
    [PH_CONFIG_SECCOMP_KILL] = SCMP_ACT_KILL_PROCESS,
    [PH_CONFIG_SECCOMP_LOG] = SCMP_ACT_LOG,
    [PH_CONFIG_SECCOMP_OFF] = SCMP_ACT_ALLOW,
};

/* 0 or a negative errno, as libseccomp has it. */
static int add_rules(scmp_filter_ctx filter, bool may_connect)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof calls / sizeof calls[0]; i++) {
        int number = seccomp_syscall_resolve_name(calls[i]);
        /* Below zero: this architecture has no such call. */
        result = number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    const struct {
        int number;
        unsigned argument;
        scmp_datum_t mask;
        scmp_datum_t value;
    } by_argument[] = {
        {SCMP_SYS(clone), 0, CLONE_THREAD | CLONE_NEWUSER, CLONE_THREAD},
        {SCMP_SYS(socket), 0, UINT32_MAX, AF_UNIX},
        {SCMP_SYS(socketpair), 0, UINT32_MAX, AF_UNIX},
        {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
        {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    };
    for (size_t i = 0; result == 0 && i < sizeof by_argument / sizeof by_argument[0]; i++) {
        result = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, by_argument[i].number, 1,
            SCMP_CMP(by_argument[i].argument, SCMP_CMP_MASKED_EQ, by_argument[i].mask, by_argument[i].value));
    }
    /* Connections to Cassandra, and what asks for the addresses of its nodes: DNS, and the kernel about our own. */
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
    for (size_t i = 0; may_connect && result == 0 && i < sizeof families / sizeof families[0]; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    }
    if (may_connect && result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
    }
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    return result;
}

int ph_seccomp_restrict(enum ph_config_seccomp mode, bool may_connect, struct ph_error *err)
{
    if (mode == PH_CONFIG_SECCOMP_OFF) {
        return PH_OK;
    }
    scmp_filter_ctx filter = seccomp_init(actions[mode]);
    if (filter == NULL) {
        return ph_fail(err, PH_EUNAVAILABLE, "seccomp: no filter could be made");
    }
    int result = add_rules(filter, may_connect);
    if (result == 0) {
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    if (result == 0) {
        /* By call number in a tree: a few comparisons each call, not a hundred. */
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        result = seccomp_load(filter);
    }
    seccomp_release(filter);
    return result == 0 ? PH_OK : ph_fail_errno(err, PH_EUNAVAILABLE, -result, "seccomp");
}
