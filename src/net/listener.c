/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: parsing their addresses, binding, accepting. A fresh connection is run at once on the worker
 * that accepted it, since the server speaks first.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net-private.h"

enum {
    BACKLOG = 1024,
    COMPLAINT_MS = 10000,
    UNSENT_BYTES_MAX = 128 * 1024, /* in the kernel, for a peer that reads slowly */
};

void ph_listener_arm(struct ph_listener *listener)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &listener->pollable};
    /* Fails only once the descriptor is closed, when there is nothing to arm. */
    (void)epoll_ctl(listener->pool->epoll_fd, EPOLL_CTL_MOD, listener->pollable.fd, &event);
}

static bool read_local_address(int fd, struct ph_address *out_address)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage space;
    } name = {0};
    socklen_t len = sizeof name;
    if (getsockname(fd, &name.any, &len) != 0) {
        return false;
    }
    ph_address_from_sockaddr(&name.any, out_address);
    return true;
}

static struct ph_conn *register_connection(struct ph_listener *listener, int fd, const struct sockaddr *addr)
{
    struct ph_address peer;
    struct ph_address local = listener->local;
    ph_address_from_sockaddr(addr, &peer);
    if (listener->is_wildcard && !read_local_address(fd, &local)) {
        close(fd);
        return NULL;
    }
    struct ph_conn *conn = ph_conn_new(listener, fd, &peer, &local);
    const char *trouble = ph_registry_add(listener->pool, conn);
    if (trouble != NULL) {
        ph_conn_log_refused(conn, trouble);
        ph_conn_ask_close(conn, PH_CLOSE_REFUSED);
    }
    return conn;
}

/* Once in a while: it is tried ten times a second. */
static void complain(struct ph_listener *listener, int errnum)
{
    const struct ph_pool_options *options = &listener->pool->options;
    uint64_t now_ms = ph_mono_ms(options->clock);
    uint64_t last_ms = atomic_load_explicit(&listener->complained_ms, memory_order_relaxed);
    if (last_ms != 0 && now_ms - last_ms < COMPLAINT_MS) {
        return;
    }
    atomic_store_explicit(&listener->complained_ms, now_ms, memory_order_relaxed);
    bool is_descriptors = errnum == EMFILE || errnum == ENFILE;
    ph_log_event(options->log, PH_LOG_ERROR, "accept-failed", "out of %s: connections to %s wait",
                 is_descriptors ? "file descriptors" : "memory", listener->options.address);
}

/* One at a time, and the listener is armed again before the connection is run: a storm of connections is spread over
 * the workers and takes its turn among the sessions. */
static struct ph_conn *accept_one(struct ph_listener *listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage space;
    } name = {0};
    socklen_t len = sizeof name;
    int fd = accept4(listener->pollable.fd, &name.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        complain(listener, errno);
        atomic_store(&listener->is_paused, true);
        return NULL;
    }
    ph_listener_arm(listener);
    return fd < 0 ? NULL : register_connection(listener, fd, &name.any);
}

static void accept_ready(struct ph_pollable *pollable, struct ph_worker *worker, uint32_t events)
{
    (void)events;
    struct ph_listener *listener = (struct ph_listener *)(void *)pollable;
    struct ph_pool *pool = listener->pool;
    struct ph_conn *conn = NULL;
    atomic_fetch_add(&pool->accepting, 1);
    if (!atomic_load(&pool->is_stopping)) { /* else the socket is shut, and would be ready for ever */
        conn = accept_one(listener);
    }
    atomic_fetch_sub(&pool->accepting, 1);
    if (conn != NULL) {
        ph_conn_run(conn, worker, 0);
    }
}

static int fail_bind(const char *address, int errnum, struct ph_error *err)
{
    int class = errnum == EADDRINUSE                  ? PH_EBUSY
                : errnum == EACCES || errnum == EPERM ? PH_EDENIED
                                                      : PH_EUNAVAILABLE;
    return ph_fail_errno(err, class, errnum, "listen on %.120s", address);
}

/* A socket that a dead server left behind is removed; one that answers is not. */
static bool is_stale(const struct sockaddr_un *addr)
{
    struct stat status;
    if (lstat(addr->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false; /* somebody's file: connect would say "refused" of it too */
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_refused = fd >= 0 &&
                      connect(fd, (const struct sockaddr *)(const void *)addr, sizeof *addr) != 0 &&
                      errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return is_refused;
}

static int bind_unix(int fd, const struct sockaddr_un *addr)
{
    return bind(fd, (const struct sockaddr *)(const void *)addr, sizeof *addr) == 0 ? 0 : errno;
}

static int listen_unix(struct ph_listener *listener, const char *path, struct ph_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path || path[0] != '/') {
        return ph_fail(err, PH_EINVALID,
                       "unix socket path \"%.120s\": must be absolute and shorter than %zu octets", path,
                       sizeof addr.sun_path);
    }
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_bind(path, errno, err);
    }
    listener->pollable.fd = fd;
    int errnum = bind_unix(fd, &addr);
    if (errnum == EADDRINUSE && is_stale(&addr) && unlink(path) == 0) {
        errnum = bind_unix(fd, &addr);
    }
    if (errnum != 0) {
        return fail_bind(path, errnum, err);
    }
    listener->unix_path = ph_strdup(path);
    unsigned mode = listener->options.unix_mode == 0 ? 0660 : listener->options.unix_mode;
    if (chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
        return fail_bind(path, errno, err);
    }
    return PH_OK;
}

/* "192.0.2.1:25" or "[2001:db8::1]:25". getaddrinfo would take more: no port, port 99999, "127.1". */
static bool split_host_port(const char *address, char *host, size_t host_size, const char **out_port)
{
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;
    if (colon == NULL || !ph_bytes_to_u64(ph_bytes_str(colon + 1), &port) || port > UINT16_MAX) {
        return false;
    }
    const char *begin = address;
    const char *end = colon;
    bool is_v6 = *begin == '[';
    if (is_v6) {
        begin++;
        end = strchr(begin, ']');
        if (end == NULL || end + 1 != colon) {
            return false;
        }
    }
    size_t len = (size_t)(end - begin);
    if (len == 0 || len >= host_size) {
        return false;
    }
    memcpy(host, begin, len);
    host[len] = '\0';
    *out_port = colon + 1;
    struct in_addr v4;
    return is_v6 ? strchr(host, ':') != NULL : inet_pton(AF_INET, host, &v4) == 1;
}

static int listen_tcp(struct ph_listener *listener, const char *address, struct ph_error *err)
{
    char host[80];
    const char *port = NULL;
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    if (!split_host_port(address, host, sizeof host, &port) || getaddrinfo(host, port, &hints, &found) != 0) {
        return ph_fail(err, PH_EINVALID,
                       "\"%.120s\" is not an address to listen on (192.0.2.1:25, [::]:25, unix:/path)",
                       address);
    }
    int on = 1;
    int unsent = UNSENT_BYTES_MAX;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : 0;
    if (fd >= 0) {
        listener->pollable.fd = fd;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        /* Accepted sockets inherit these (tcp(7), socket(7) on Linux). */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
        if (found->ai_family == AF_INET6) {
            /* [::] and 0.0.0.0 can both be listened on, and mean what they say. */
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        }
        result = bind(fd, found->ai_addr, found->ai_addrlen);
        if (result == 0) {
            result = listen(fd, BACKLOG);
        }
    }
    int errnum = errno;
    freeaddrinfo(found);
    return result == 0 ? PH_OK : fail_bind(address, errnum, err);
}

static void describe(const struct ph_listener *listener, char *out_bound)
{
    if (listener->unix_path != NULL) {
        snprintf(out_bound, PH_LISTENER_NAME_MAX, "unix:%s", listener->unix_path);
    } else {
        ph_address_format(&listener->local, out_bound);
    }
}

static bool is_any(const struct ph_address *address)
{
    static const uint8_t zeros[16];
    size_t from = ph_address_is_ipv4(address) ? 12 : 0;
    return address->family == PH_ADDRESS_IP && memcmp(address->ip + from, zeros, sizeof zeros - from) == 0;
}

static int add_to_epoll(struct ph_listener *listener, struct ph_error *err)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &listener->pollable};
    if (!read_local_address(listener->pollable.fd, &listener->local) ||
        epoll_ctl(listener->pool->epoll_fd, EPOLL_CTL_ADD, listener->pollable.fd, &event) != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "listen on %.120s", listener->options.address);
    }
    listener->is_wildcard = is_any(&listener->local);
    return PH_OK;
}

int ph_pool_listen(struct ph_pool *pool, const struct ph_listener_options *options, char *out_bound,
                   struct ph_error *err)
{
    struct ph_listener *listener = ph_zalloc(sizeof *listener);
    listener->options = *options;
    listener->pool = pool;
    listener->pollable = (struct ph_pollable){accept_ready, -1};
    listener->address = ph_strdup(options->address);
    listener->options.address = listener->address;
    bool is_unix = strncmp(options->address, "unix:", 5) == 0;
    int result = is_unix ? listen_unix(listener, options->address + 5, err)
                         : listen_tcp(listener, options->address, err);
    if (result == PH_OK) {
        result = add_to_epoll(listener, err);
    }
    if (result != PH_OK) {
        ph_listener_free(listener);
        return result;
    }
    if (out_bound != NULL) {
        describe(listener, out_bound);
    }
    listener->next = pool->listeners;
    pool->listeners = listener;
    return PH_OK;
}

void ph_listener_close(struct ph_listener *listener)
{
    /* The name first: once the socket refuses, another server may take the name for its own. */
    if (listener->unix_path != NULL) {
        unlink(listener->unix_path);
        free(listener->unix_path);
        listener->unix_path = NULL;
    }
    if (listener->pollable.fd >= 0) {
        /* Kept open until the pool is freed, so that no worker meets a reused number; shut for peers now. */
        shutdown(listener->pollable.fd, SHUT_RDWR);
    }
}

void ph_listener_free(struct ph_listener *listener)
{
    ph_listener_close(listener);
    if (listener->pollable.fd >= 0) {
        close(listener->pollable.fd);
    }
    free(listener->address);
    free(listener);
}
