/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server gives up once it has what it needs, so that whoever gets hold of it gets little. docs/security.md tells
 * it to operators.
 *
 * In the order of a start: ph_privileges_lower before any file of the store is touched and before any thread is
 * started; ph_sandbox_paths directly behind it (threads inherit what a Landlock domain forbids, there is no reaching
 * those that run); ph_privileges_raise and _lower_again around each bind; at the end ph_privileges_drop and
 * ph_sandbox_calls, which reach all threads.
 *
 * Nothing here can be taken back. What the kernel does not have is left out, and said in the log.
 */
#ifndef PH_APP_SANDBOX_H
#define PH_APP_SANDBOX_H

#include <sys/types.h>

#include "app/config.h"
#include "base/log.h"

struct ph_privileges {
    bool has_user;    /* root started us, and `user` names whom to become */
    bool has_to_bind; /* another did, with the capability to bind low ports, as systemd gives it */
    uid_t uid;
    gid_t gid;
};

/* What the configuration names under `user` and `group`, without doing anything. */
int ph_privileges_find(const struct ph_config *config, struct ph_privileges *out,
                       struct ph_error *err) PH_MUST_USE;
/* Makes the data directory for that user where there is none, and becomes the user; root can still be come back to.
 * PH_EDENIED: the data directory is another's. */
int ph_privileges_lower(const struct ph_privileges *privileges, const struct ph_config *config,
                        struct ph_error *err) PH_MUST_USE;
/* The calling thread alone is root again, or has the capability, to bind a port below 1024; and no more. */
void ph_privileges_raise(const struct ph_privileges *privileges);
void ph_privileges_lower_again(const struct ph_privileges *privileges);
/* All threads, for good; verified. Of a capability that systemd gave, threads that run keep the right to take it up, and
 * the filter of system calls forbids them to. */
int ph_privileges_drop(const struct ph_privileges *privileges, struct ph_error *err) PH_MUST_USE;

/* Landlock: files outside are out of reach, reading and writing, and so are TCP connections to elsewhere
 * (sandbox_landlock.c). For the calling thread and those it starts. */
struct ph_paths {
    const char *const *writable; /* directories: everything below them */
    size_t writable_count;
    const char *const *readable; /* directories or files */
    size_t readable_count;
    const char *const *socket_dirs; /* directories: unix sockets are made and removed in them */
    size_t socket_dir_count;
    bool may_connect; /* by TCP: to Cassandra */
};
/* *OUT_VERSION: of the kernel's Landlock; 0: it has none, and nothing was done. Paths that are not there are left out. */
int ph_landlock_restrict(const struct ph_paths *paths, int *out_version, struct ph_error *err) PH_MUST_USE;

/* Seccomp: system calls that the server never makes are refused, in all threads (sandbox_seccomp.c). No new program, no
 * new process, no TCP socket, no executable memory, nothing of mounts, modules, tracing. MAY_CONNECT: sockets that
 * connect to elsewhere, and none that listens. */
int ph_seccomp_restrict(enum ph_config_seccomp mode, bool may_connect, struct ph_error *err) PH_MUST_USE;

/* Sanitizers start processes and read what they like: built with them, both do nothing and say so. */
bool ph_sandbox_is_possible(void);
/* No gaining of privileges by programs, no core dump, no tracer, and what `sandbox.landlock` says. */
int ph_sandbox_paths(const struct ph_config *config, const char *config_path, int *out_version,
                     struct ph_error *err) PH_MUST_USE;
/* What `sandbox.seccomp` says. */
int ph_sandbox_calls(const struct ph_config *config, struct ph_error *err) PH_MUST_USE;
/* event=sandbox: what holds now; a warning where the kernel lacks something. */
void ph_sandbox_log(const struct ph_config *config, int landlock_version, const struct ph_log *log);

#endif
