/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posthouse-load: a load on a mail server over LMTP, POP3 or IMAP, and what it took. It knows only the protocols, so that any
 * server can stand at the other end.
 *
 *   posthouse-load WORK HOST PORT [option]...
 *
 * WORK is one of
 *   deliver   LMTP; messages, over one connection a thread
 *   login     POP3; sessions of USER, PASS, STAT, QUIT
 *   uidl      POP3; sessions of USER, PASS, UIDL, QUIT
 *   read      POP3; sessions of USER, PASS, STAT, LIST, UIDL, then RETR of the first messages, QUIT
 *   delete    POP3; sessions of USER, PASS, DELE of the first messages, QUIT
 *   hold      POP3; logs in on every connection, says so, and holds them until standard input ends
 *   imap-login   IMAP; sessions of LOGIN, SELECT INBOX, LOGOUT
 *   imap-list    the same, with a FETCH of what a mail program lists of all messages
 *   imap-read    the same, with a FETCH of each of the first messages, whole
 *   imap-store   the same, with a STORE for each of the first messages
 *   imap-append  the same, with as many APPENDs
 *   imap-hold    IMAP; as hold, in IDLE
 *
 *   --connections N   threads, each with one connection at a time (1); for hold, connections in all
 *   --count N         operations of all together (1)
 *   --user PREFIX     users are PREFIX0@bench.example and on (user)
 *   --users N         operation number i is for user i modulo N; 0: each thread has a user of its own (0). A maildrop is
 *                     exclusive, so for POP3 N is 0 or at least the count
 *   --recipients N    deliver: of each message (1)
 *   --size N          deliver: octets of each message; 0 for a mix of 1 to 18 KiB (0)
 *   --messages N      read, delete and their like of IMAP: as many messages a session at most (20)
 *   --password TEXT
 *   --tls             TLS from the first octet; the certificate is not looked at
 *   --sources N       connect from so many loopback addresses in turn
 *
 * One line of JSON on standard output: operations, messages and octets of them, seconds, and the latency of an
 * operation at the median, the 99th percentile and at most. Any reply that is no success ends the run, status 1.
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "imap.h"
#include "message.h"
#include "peer.h"

enum { MAX_CONNECTIONS = 100000, HOLD_THREADS = 8, USER_BYTES = 128 };

struct load {
    const char *work;
    const char *user;
    const char *password;
    struct peer_target target;
    long connections;
    long count;
    long users;
    long recipients;
    long size;
    long messages_max;
    atomic_long next; /* operations taken so far; a thread ends when it reaches count */
    atomic_long messages;
    atomic_long octets;
    uint64_t *latencies_us; /* count of them, each written by the thread that took the operation */
};

struct worker {
    struct load *load;
    unsigned number;
    uint64_t random;
    struct peer peer;
    char text[MESSAGE_MAX_BYTES + 128];
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void name_user(const struct load *load, unsigned long number, char *out)
{
    snprintf(out, USER_BYTES, "%s%lu@bench.example", load->user, number);
}

/* ---- One operation of each kind of work ---- */

static unsigned long number_of_user(const struct worker *worker, long operation)
{
    const struct load *load = worker->load;
    return load->users == 0 ? worker->number : (unsigned long)(operation % load->users);
}

static void deliver(struct worker *worker, long operation)
{
    struct load *load = worker->load;
    struct peer *peer = &worker->peer;
    if (peer->fd < 0) {
        peer_connect(peer, worker->number);
        peer_expect(peer, "220");
        peer_command(peer, "250", "LHLO load.bench.example");
    }
    char user[USER_BYTES];
    unsigned long first = number_of_user(worker, operation);
    name_user(load, first, user);
    size_t len = make_message(&worker->random, (size_t)load->size, user, worker->text);
    peer_command(peer, "250", "MAIL FROM:<sender@bench.example>");
    for (long i = 0; i < load->recipients; i++) {
        unsigned long number = load->users == 0 ? first + (unsigned long)i
                                                : (first + (unsigned long)i) % (unsigned long)load->users;
        name_user(load, number, user);
        peer_command(peer, "250", "RCPT TO:<%s>", user);
    }
    peer_command(peer, "354", "DATA");
    memcpy(worker->text + len, ".\r\n", 3);
    peer_send(peer, worker->text, len + 3);
    for (long i = 0; i < load->recipients; i++) {
        peer_expect(peer, "250");
    }
    atomic_fetch_add(&load->messages, 1);
    atomic_fetch_add(&load->octets, (long)len);
}

static void log_in(struct worker *worker, unsigned long number)
{
    struct load *load = worker->load;
    struct peer *peer = &worker->peer;
    char user[USER_BYTES];
    name_user(load, number, user);
    peer_connect(peer, (unsigned)number);
    peer_expect(peer, "+OK");
    peer_command(peer, "+OK", "USER %s", user);
    peer_command(peer, "+OK", "PASS %s", load->password);
}

static void log_out(struct peer *peer)
{
    peer_command(peer, "+OK", "QUIT");
    peer_close(peer);
}

/* STAT; the number of messages, at most as many as a session shall touch. */
static long count_messages(struct worker *worker)
{
    struct peer *peer = &worker->peer;
    peer_send(peer, "STAT\r\n", 6);
    const char *line = peer_line(peer);
    if (strncmp(line, "+OK ", 4) != 0) {
        fail("expected +OK and a number, got: %s", line);
    }
    long count = strtol(line + 4, NULL, 10);
    return count < worker->load->messages_max ? count : worker->load->messages_max;
}

static void session_of_login(struct worker *worker, long operation)
{
    log_in(worker, number_of_user(worker, operation));
    peer_command(&worker->peer, "+OK", "STAT");
    log_out(&worker->peer);
}

static void session_of_uidl(struct worker *worker, long operation)
{
    long lines;
    long octets;
    log_in(worker, number_of_user(worker, operation));
    peer_command(&worker->peer, "+OK", "UIDL");
    peer_listing(&worker->peer, &lines, &octets);
    log_out(&worker->peer);
}

static void session_of_read(struct worker *worker, long operation)
{
    struct load *load = worker->load;
    struct peer *peer = &worker->peer;
    long lines;
    long octets;
    log_in(worker, number_of_user(worker, operation));
    long count = count_messages(worker);
    peer_command(peer, "+OK", "LIST");
    peer_listing(peer, &lines, &octets);
    peer_command(peer, "+OK", "UIDL");
    peer_listing(peer, &lines, &octets);
    for (long i = 1; i <= count; i++) {
        peer_command(peer, "+OK", "RETR %ld", i);
        peer_listing(peer, &lines, &octets);
        atomic_fetch_add(&load->octets, octets);
    }
    atomic_fetch_add(&load->messages, count);
    log_out(peer);
}

static void session_of_delete(struct worker *worker, long operation)
{
    log_in(worker, number_of_user(worker, operation));
    long count = count_messages(worker);
    for (long i = 1; i <= count; i++) {
        peer_command(&worker->peer, "+OK", "DELE %ld", i);
    }
    atomic_fetch_add(&worker->load->messages, count);
    log_out(&worker->peer);
}

/* An operation of hold: the connection stays open, and is not needed any more. */
static void session_of_hold(struct worker *worker, long operation)
{
    log_in(worker, (unsigned long)operation);
    worker->peer.ssl = NULL;
    worker->peer.fd = -1;
}

/* ---- IMAP ---- */

static void imap_begin(struct worker *worker, unsigned long number)
{
    char user[USER_BYTES];
    name_user(worker->load, number, user);
    imap_log_in(&worker->peer, (unsigned)number, user, worker->load->password);
}

static void imap_end(struct worker *worker, const struct imap_counts *counts)
{
    atomic_fetch_add(&worker->load->messages, counts->messages);
    atomic_fetch_add(&worker->load->octets, counts->octets);
    imap_log_out(&worker->peer);
}

static void session_of_imap_login(struct worker *worker, long operation)
{
    struct imap_counts counts = {0, 0};
    imap_begin(worker, number_of_user(worker, operation));
    (void)imap_select(&worker->peer);
    imap_end(worker, &counts);
}

static void session_of_imap_list(struct worker *worker, long operation)
{
    struct imap_counts counts = {0, 0};
    imap_begin(worker, number_of_user(worker, operation));
    (void)imap_select(&worker->peer);
    imap_list(&worker->peer, &counts);
    imap_end(worker, &counts);
}

static long first_messages(const struct worker *worker, long exists)
{
    return exists < worker->load->messages_max ? exists : worker->load->messages_max;
}

static void session_of_imap_read(struct worker *worker, long operation)
{
    struct imap_counts counts = {0, 0};
    imap_begin(worker, number_of_user(worker, operation));
    long count = first_messages(worker, imap_select(&worker->peer));
    for (long i = 1; i <= count; i++) {
        imap_command(&worker->peer, &counts, "FETCH %ld (UID RFC822.SIZE BODY.PEEK[])", i);
    }
    imap_end(worker, &counts);
}

/* Each STORE changes something: a session sets the flag, the next takes it away. */
static void session_of_imap_store(struct worker *worker, long operation)
{
    struct imap_counts counts = {0, 0};
    imap_begin(worker, number_of_user(worker, operation));
    long count = first_messages(worker, imap_select(&worker->peer));
    for (long i = 1; i <= count; i++) {
        imap_command(&worker->peer, &counts, "STORE %ld +FLAGS (\\Flagged)", i);
        imap_command(&worker->peer, &counts, "STORE %ld -FLAGS (\\Flagged)", i);
    }
    imap_end(worker, &counts);
}

static void session_of_imap_append(struct worker *worker, long operation)
{
    struct imap_counts counts = {.messages = worker->load->messages_max};
    unsigned long number = number_of_user(worker, operation);
    char user[USER_BYTES];
    name_user(worker->load, number, user);
    imap_begin(worker, number);
    for (long i = 0; i < worker->load->messages_max; i++) {
        size_t len = make_message(&worker->random, (size_t)worker->load->size, user, worker->text);
        imap_append(&worker->peer, worker->text, len);
    }
    imap_end(worker, &counts);
}

static void session_of_imap_hold(struct worker *worker, long operation)
{
    imap_begin(worker, (unsigned long)operation);
    (void)imap_select(&worker->peer);
    imap_idle(&worker->peer);
    worker->peer.ssl = NULL;
    worker->peer.fd = -1;
}

static const struct work {
    const char *name;
    void (*operate)(struct worker *worker, long operation);
} works[] = {
    {"deliver", deliver},
    {"login", session_of_login},
    {"uidl", session_of_uidl},
    {"read", session_of_read},
    {"delete", session_of_delete},
    {"hold", session_of_hold},
    {"imap-login", session_of_imap_login},
    {"imap-list", session_of_imap_list},
    {"imap-read", session_of_imap_read},
    {"imap-store", session_of_imap_store},
    {"imap-append", session_of_imap_append},
    {"imap-hold", session_of_imap_hold},
};

static const struct work *find_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(works[i].name, name) == 0) {
            return &works[i];
        }
    }
    fail("no such work: %s", name);
}

/* ---- The run ---- */

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    struct load *load = worker->load;
    const struct work *work = find_work(load->work);
    for (long operation = atomic_fetch_add(&load->next, 1); operation < load->count;
         operation = atomic_fetch_add(&load->next, 1)) {
        uint64_t started = now_us();
        work->operate(worker, operation);
        load->latencies_us[operation] = now_us() - started;
    }
    if (worker->peer.fd >= 0) {
        peer_close(&worker->peer);
    }
    return NULL;
}

static void run_all(struct load *load, long threads)
{
    struct worker *workers = calloc((size_t)threads, sizeof workers[0]);
    pthread_t *ids = calloc((size_t)threads, sizeof ids[0]);
    if (workers == NULL || ids == NULL) {
        fail("out of memory");
    }
    for (long i = 0; i < threads; i++) {
        workers[i].load = load;
        workers[i].number = (unsigned)i;
        workers[i].random = 88172645463325252ULL + (uint64_t)i * 7919;
        workers[i].peer.target = &load->target;
        workers[i].peer.fd = -1;
        int error = pthread_create(&ids[i], NULL, run_worker, &workers[i]);
        if (error != 0) {
            fail("pthread_create: %s", strerror(error));
        }
    }
    for (long i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    free(workers);
    free(ids);
}

static int compare_latencies(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(const struct load *load, size_t percent)
{
    size_t last = (size_t)load->count - 1;
    size_t at = last * percent / 100;
    return (double)load->latencies_us[at] / 1e3;
}

static void print_result(const struct load *load, uint64_t elapsed_us)
{
    qsort(load->latencies_us, (size_t)load->count, sizeof load->latencies_us[0], compare_latencies);
    printf("{\"work\": \"%s\", \"operations\": %ld, \"messages\": %ld, \"octets\": %ld, \"seconds\": %.3f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           load->work, load->count, atomic_load(&load->messages), atomic_load(&load->octets),
           (double)elapsed_us / 1e6, percentile_ms(load, 50), percentile_ms(load, 99),
           percentile_ms(load, 100));
    fflush(stdout);
}

/* ---- The command line ---- */

static long number_of(const char *text, long min, long max)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || value < min || value > max) {
        fail("not a number from %ld to %ld: %s", min, max, text);
    }
    return value;
}

static void take_options(struct load *load, int argc, char **argv)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'},
        {"count", required_argument, NULL, 'n'},
        {"user", required_argument, NULL, 'u'},
        {"users", required_argument, NULL, 'U'},
        {"recipients", required_argument, NULL, 'r'},
        {"size", required_argument, NULL, 's'},
        {"messages", required_argument, NULL, 'm'},
        {"password", required_argument, NULL, 'p'},
        {"tls", no_argument, NULL, 't'},
        {"sources", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': load->connections = number_of(optarg, 1, MAX_CONNECTIONS); break;
        case 'n': load->count = number_of(optarg, 1, 100000000); break;
        case 'u': load->user = optarg; break;
        case 'U': load->users = number_of(optarg, 0, 100000000); break;
        case 'r': load->recipients = number_of(optarg, 1, 1000); break;
        case 's': load->size = number_of(optarg, 0, MESSAGE_MAX_BYTES); break;
        case 'm': load->messages_max = number_of(optarg, 0, 100000000); break;
        case 'p': load->password = optarg; break;
        case 't': load->target.tls = SSL_CTX_new(TLS_client_method()); break;
        case 'S': load->target.sources = (unsigned)number_of(optarg, 0, 1000); break;
        default: exit(EX_USAGE);
        }
    }
    if (argc - optind != 3) {
        fputs("usage: posthouse-load WORK HOST PORT [option]...\n", stderr);
        exit(EX_USAGE);
    }
    load->work = argv[optind];
    (void)find_work(load->work);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    int resolved = getaddrinfo(argv[optind + 1], argv[optind + 2], &hints, &load->target.server);
    if (resolved != 0) {
        fail("%s port %s: %s", argv[optind + 1], argv[optind + 2], gai_strerror(resolved));
    }
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct load load = {
        .user = "user", .password = "", .connections = 1, .count = 1, .recipients = 1, .messages_max = 20};
    take_options(&load, argc, argv);
    raise_descriptors();
    bool does_hold = strcmp(load.work, "hold") == 0 || strcmp(load.work, "imap-hold") == 0;
    if (does_hold) {
        load.count = load.connections;
    }
    load.latencies_us = calloc((size_t)load.count, sizeof load.latencies_us[0]);
    if (load.latencies_us == NULL) {
        fail("out of memory");
    }
    uint64_t started = now_us();
    run_all(&load, does_hold && load.connections > HOLD_THREADS ? HOLD_THREADS : load.connections);
    print_result(&load, now_us() - started);
    if (does_hold) {
        while (getchar() != EOF) {
        }
    }
    freeaddrinfo(load.target.server);
    SSL_CTX_free(load.target.tls);
    free(load.latencies_us);
    return 0;
}
