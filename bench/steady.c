/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posthouse-steady: the load of bench/cluster on several servers at once, some of which may refuse. Where bench/load.c ends
 * on the first refusal, this counts it and goes on, as a mail relay does.
 *
 *   posthouse-steady WORK [option]... HOST:PORT...
 *
 * WORK is one of
 *   deliver   LMTP; a message an operation, over one connection a thread
 *   stat      POP3; USER, PASS, STAT, QUIT
 *   session   POP3; USER, PASS, STAT, LIST, UIDL, RETR of the last message, QUIT
 *   delete    POP3; USER, PASS, STAT, DELE of all messages, QUIT
 *   collect   POP3; USER, PASS, STAT, then TOP n 0 of all messages, to see which there are
 *
 *   --connections N   threads, each with one connection at a time (8); thread i speaks to server i modulo their number
 *   --rate N          operations a second of all together; 0: as fast as they go (0)
 *   --seconds N       ends after so long (deliver: default 10)
 *   --count N         ends after so many operations; operation i is for user i modulo the users
 *   --users N         user0@bench.example and on (80)
 *   --size N          deliver: octets of each message; 0 for a mix of 1 to 18 KiB (2048)
 *   --first N         number of the first operation, so that two runs have no mail in common (0)
 *   --password TEXT
 *   --record FILE     deliver: the number of each message that was accepted; collect: of each that was found
 *
 * One line of JSON on standard output: operations that were begun, done and refused, with the first words of each
 * refusal; seconds; and for each step of an operation how often it was done and its latency at the median, the 99th
 * percentile and at most. A delivery counts from MAIL to the answer to its last octet, whatever the answer.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "message.h"
#include "peer.h"

enum { SERVERS_MAX = 64, REFUSALS_MAX = 16, REFUSAL_BYTES = 40, USER_BYTES = 64, THREADS_MAX = 4096 };

enum step {
    STEP_DELIVER,
    STEP_LOGIN,
    STEP_STAT,
    STEP_LIST,
    STEP_UIDL,
    STEP_RETR,
    STEP_DELE,
    STEP_QUIT,
    STEP_COUNT
};
static const char *const step_names[STEP_COUNT] = {"deliver", "login", "stat", "list",
                                                   "uidl",    "retr",  "dele", "quit"};

struct samples {
    uint64_t *us;
    size_t count, room;
};

struct refusal {
    char text[REFUSAL_BYTES];
    long count;
};

struct load {
    const struct work *work;
    const char *password;
    struct peer_target servers[SERVERS_MAX];
    unsigned server_count;
    long connections, rate, seconds, count, users, size, first;
    FILE *record;
    uint64_t started_us;
    atomic_long next;
    atomic_long done, refused, messages;
    pthread_mutex_t lock; /* of what follows, and of the record */
    struct refusal refusals[REFUSALS_MAX];
    unsigned refusal_count;
};

struct worker {
    struct load *load;
    unsigned number;
    uint64_t random;
    struct samples samples[STEP_COUNT];
    struct peer peer;
    char text[MESSAGE_MAX_BYTES + 256];
};

struct work {
    const char *name;
    bool (*operate)(struct worker *worker, long operation); /* false: refused */
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void sample(struct worker *worker, enum step step, uint64_t started_us)
{
    struct samples *samples = &worker->samples[step];
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? 1024 : 2 * samples->room;
        samples->us = realloc(samples->us, samples->room * sizeof samples->us[0]);
        if (samples->us == NULL) {
            fail("out of memory");
        }
    }
    samples->us[samples->count++] = now_us() - started_us;
}

static void note_refusal(struct load *load, const char *line)
{
    char text[REFUSAL_BYTES] = "";
    size_t used = 0;
    for (; line[used] != '\0' && used < sizeof text - 1; used++) {
        text[used] = line[used] == '"' || line[used] == '\\' || line[used] < ' ' ? '_' : line[used];
    }
    pthread_mutex_lock(&load->lock);
    unsigned at = 0;
    while (at < load->refusal_count && strcmp(load->refusals[at].text, text) != 0) {
        at++;
    }
    if (at < REFUSALS_MAX) {
        load->refusal_count = at == load->refusal_count ? at + 1 : load->refusal_count;
        memcpy(load->refusals[at].text, text, sizeof text);
        load->refusals[at].count++;
    }
    pthread_mutex_unlock(&load->lock);
}

static void note_record(struct load *load, long number)
{
    if (load->record != NULL) {
        pthread_mutex_lock(&load->lock);
        fprintf(load->record, "%ld\n", number);
        pthread_mutex_unlock(&load->lock);
    }
}

/* One reply, whose last line is kept: true if it begins with WANTED. False also if the server closed: the peer is then
 * without a connection. */
static bool is_answered(struct worker *worker, const char *wanted)
{
    char *line;
    do {
        line = peer_try_line(&worker->peer);
        if (line == NULL) {
            note_refusal(worker->load, "closed");
            peer_close(&worker->peer);
            return false;
        }
    } while (line[0] >= '0' && line[0] <= '9' && strlen(line) > 3 && line[3] == '-');
    if (strncmp(line, wanted, strlen(wanted)) != 0) {
        note_refusal(worker->load, line);
        return false;
    }
    return true;
}

static bool ask(struct worker *worker, const char *wanted, const char *text, size_t len)
{
    if (!peer_try_send(&worker->peer, text, len)) {
        note_refusal(worker->load, "closed");
        peer_close(&worker->peer);
        return false;
    }
    return is_answered(worker, wanted);
}

/* ---- LMTP ---- */

static bool deliver_one(struct worker *worker, long operation)
{
    struct load *load = worker->load;
    char user[USER_BYTES], line[USER_BYTES + 32];
    snprintf(user, sizeof user, "user%ld@bench.example", operation % load->users);
    /* The number goes into the header: which messages are there is asked for later. */
    int prefix = snprintf(worker->text, 64, "X-Operation: %ld\r\n", load->first + operation);
    size_t len =
        (size_t)prefix + make_message(&worker->random, (size_t)load->size, user, worker->text + prefix);
    memcpy(worker->text + len, ".\r\n", 3);
    static const char mail[] = "MAIL FROM:<sender@bench.example>\r\n";
    int rcpt = snprintf(line, sizeof line, "RCPT TO:<%s>\r\n", user);
    return ask(worker, "250", mail, sizeof mail - 1) && ask(worker, "250", line, (size_t)rcpt) &&
           ask(worker, "354", "DATA\r\n", 6) && ask(worker, "250", worker->text, len + 3);
}

static bool deliver(struct worker *worker, long operation)
{
    struct load *load = worker->load;
    struct peer *peer = &worker->peer;
    if (peer->fd < 0) {
        peer_connect(peer, worker->number);
        if (!is_answered(worker, "220") || !ask(worker, "250", "LHLO load.bench.example\r\n", 25)) {
            return false;
        }
    }
    uint64_t started = now_us();
    bool is_accepted = deliver_one(worker, operation);
    sample(worker, STEP_DELIVER, started);
    if (is_accepted) {
        atomic_fetch_add(&load->messages, 1);
        note_record(load, load->first + operation);
    } else if (peer->fd >= 0) {
        (void)ask(worker, "250", "RSET\r\n", 6);
    }
    return is_accepted;
}

/* ---- POP3 ---- */

static bool step(struct worker *worker, enum step step, const char *text)
{
    uint64_t started = now_us();
    bool is_done = ask(worker, "+OK", text, strlen(text));
    sample(worker, step, started);
    return is_done;
}

static bool log_in(struct worker *worker, long user)
{
    char line[256];
    uint64_t started = now_us();
    peer_connect(&worker->peer, (unsigned)user);
    int name = snprintf(line, sizeof line, "USER user%ld@bench.example\r\n", user);
    if (!is_answered(worker, "+OK") || !ask(worker, "+OK", line, (size_t)name)) {
        return false;
    }
    int pass = snprintf(line, sizeof line, "PASS %s\r\n", worker->load->password);
    bool is_in = ask(worker, "+OK", line, (size_t)pass);
    sample(worker, STEP_LOGIN, started);
    return is_in;
}

/* STAT; the number of messages, or -1. */
static long count_messages(struct worker *worker)
{
    uint64_t started = now_us();
    char *line = NULL;
    if (peer_try_send(&worker->peer, "STAT\r\n", 6)) {
        line = peer_try_line(&worker->peer);
    }
    sample(worker, STEP_STAT, started);
    if (line == NULL || strncmp(line, "+OK ", 4) != 0) {
        note_refusal(worker->load, line != NULL ? line : "closed");
        return -1;
    }
    return strtol(line + 4, NULL, 10);
}

/* Reads to the line of one dot; the number behind X-Operation goes to the record. */
static bool read_listing(struct worker *worker)
{
    static const char field[] = "X-Operation: ";
    for (;;) {
        const char *line = peer_try_line(&worker->peer);
        if (line == NULL) {
            note_refusal(worker->load, "closed");
            return false;
        }
        if (strcmp(line, ".") == 0) {
            return true;
        }
        if (worker->load->record != NULL && strncmp(line, field, sizeof field - 1) == 0) {
            note_record(worker->load, strtol(line + sizeof field - 1, NULL, 10));
        }
    }
}

static bool list(struct worker *worker, enum step step_id, const char *text)
{
    uint64_t started = now_us();
    bool is_done = ask(worker, "+OK", text, strlen(text)) && read_listing(worker);
    sample(worker, step_id, started);
    return is_done;
}

static bool do_nothing(struct worker *worker, long messages)
{
    (void)worker;
    (void)messages;
    return true;
}

static bool read_last(struct worker *worker, long messages)
{
    char line[32];
    snprintf(line, sizeof line, "RETR %ld\r\n", messages);
    return list(worker, STEP_LIST, "LIST\r\n") && list(worker, STEP_UIDL, "UIDL\r\n") &&
           (messages == 0 || list(worker, STEP_RETR, line));
}

static bool delete_all(struct worker *worker, long messages)
{
    char line[32];
    bool is_done = true;
    for (long i = 1; i <= messages && is_done; i++) {
        snprintf(line, sizeof line, "DELE %ld\r\n", i);
        is_done = step(worker, STEP_DELE, line);
    }
    return is_done;
}

static bool collect_all(struct worker *worker, long messages)
{
    char line[32];
    bool is_done = true;
    for (long i = 1; i <= messages && is_done; i++) {
        snprintf(line, sizeof line, "TOP %ld 0\r\n", i);
        is_done = list(worker, STEP_RETR, line);
    }
    return is_done;
}

static bool run_session(struct worker *worker, long operation, bool (*what)(struct worker *, long))
{
    bool is_done = false;
    if (log_in(worker, operation % worker->load->users)) {
        long messages = count_messages(worker);
        is_done = messages >= 0 && what(worker, messages) && step(worker, STEP_QUIT, "QUIT\r\n");
        if (is_done) {
            atomic_fetch_add(&worker->load->messages, messages);
        }
    }
    if (worker->peer.fd >= 0) {
        peer_close(&worker->peer);
    }
    return is_done;
}

static bool stat_session(struct worker *worker, long operation)
{
    return run_session(worker, operation, do_nothing);
}

static bool read_session(struct worker *worker, long operation)
{
    return run_session(worker, operation, read_last);
}

static bool delete_session(struct worker *worker, long operation)
{
    return run_session(worker, operation, delete_all);
}

static bool collect_session(struct worker *worker, long operation)
{
    return run_session(worker, operation, collect_all);
}

static const struct work works[] = {
    {"deliver", deliver},       {"stat", stat_session},       {"session", read_session},
    {"delete", delete_session}, {"collect", collect_session},
};

/* ---- The run ---- */

/* Waits until operation number OPERATION is due. False: the time is over. */
static bool wait_until_due(const struct load *load, long operation)
{
    uint64_t due =
        load->rate == 0 ? now_us() : load->started_us + (uint64_t)operation * 1000000 / (uint64_t)load->rate;
    if (load->seconds > 0 && due >= load->started_us + (uint64_t)load->seconds * 1000000) {
        return false;
    }
    uint64_t now = now_us();
    /* A late one is begun too: what was promised is not left out because others took long. */
    if (load->seconds > 0 && now >= load->started_us + (uint64_t)load->seconds * 1000000) {
        return false;
    }
    if (due > now) {
        struct timespec pause = {.tv_sec = (time_t)((due - now) / 1000000),
                                 .tv_nsec = (long)((due - now) % 1000000 * 1000)};
        nanosleep(&pause, NULL);
    }
    return true;
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    struct load *load = worker->load;
    for (;;) {
        long operation = atomic_fetch_add(&load->next, 1);
        if ((load->count > 0 && operation >= load->count) || !wait_until_due(load, operation)) {
            break;
        }
        atomic_fetch_add(load->work->operate(worker, operation) ? &load->done : &load->refused, 1);
    }
    if (worker->peer.fd >= 0) {
        peer_close(&worker->peer);
    }
    return NULL;
}

static struct worker *run_all(struct load *load)
{
    struct worker *workers = calloc((size_t)load->connections, sizeof workers[0]);
    pthread_t *ids = calloc((size_t)load->connections, sizeof ids[0]);
    if (workers == NULL || ids == NULL) {
        fail("out of memory");
    }
    load->started_us = now_us();
    for (long i = 0; i < load->connections; i++) {
        workers[i].load = load;
        workers[i].number = (unsigned)i;
        workers[i].random = 88172645463325252ULL + (uint64_t)(load->first + i) * 7919;
        workers[i].peer.target = &load->servers[(unsigned)i % load->server_count];
        workers[i].peer.fd = -1;
        int error = pthread_create(&ids[i], NULL, run_worker, &workers[i]);
        if (error != 0) {
            fail("pthread_create: %s", strerror(error));
        }
    }
    for (long i = 0; i < load->connections; i++) {
        pthread_join(ids[i], NULL);
    }
    free(ids);
    return workers;
}

static int compare_latencies(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void print_step(struct worker *workers, long worker_count, enum step step_id, const char *separator)
{
    size_t count = 0;
    for (long i = 0; i < worker_count; i++) {
        count += workers[i].samples[step_id].count;
    }
    if (count == 0) {
        return;
    }
    uint64_t *all = malloc(count * sizeof all[0]);
    if (all == NULL) {
        fail("out of memory");
    }
    size_t used = 0;
    for (long i = 0; i < worker_count; i++) {
        const struct samples *samples = &workers[i].samples[step_id];
        if (samples->count > 0) {
            memcpy(all + used, samples->us, samples->count * sizeof all[0]);
            used += samples->count;
        }
    }
    qsort(all, count, sizeof all[0], compare_latencies);
    printf("%s\"%s\": {\"count\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}", separator,
           step_names[step_id], count, (double)all[(count - 1) * 50 / 100] / 1e3,
           (double)all[(count - 1) * 99 / 100] / 1e3, (double)all[count - 1] / 1e3);
    free(all);
}

static void print_result(struct load *load, struct worker *workers, uint64_t elapsed_us)
{
    printf("{\"work\": \"%s\", \"done\": %ld, \"refused\": %ld, \"messages\": %ld, \"seconds\": %.3f, "
           "\"refusals\": {",
           load->work->name, atomic_load(&load->done), atomic_load(&load->refused),
           atomic_load(&load->messages), (double)elapsed_us / 1e6);
    for (unsigned i = 0; i < load->refusal_count; i++) {
        printf("%s\"%s\": %ld", i > 0 ? ", " : "", load->refusals[i].text, load->refusals[i].count);
    }
    fputs("}, \"steps\": {", stdout);
    const char *separator = "";
    for (enum step i = 0; i < STEP_COUNT; i++) {
        print_step(workers, load->connections, i, separator);
        for (long w = 0; w < load->connections; w++) {
            separator = workers[w].samples[i].count > 0 ? ", " : separator;
        }
    }
    puts("}}");
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

static const struct work *find_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(works[i].name, name) == 0) {
            return &works[i];
        }
    }
    fail("no such work: %s", name);
}

static void add_server(struct load *load, char *place)
{
    char *colon = strrchr(place, ':');
    if (colon == NULL || load->server_count == SERVERS_MAX) {
        fail("not HOST:PORT, or more than %d: %s", SERVERS_MAX, place);
    }
    *colon = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    int resolved = getaddrinfo(place, colon + 1, &hints, &load->servers[load->server_count].server);
    if (resolved != 0) {
        fail("%s: %s", place, gai_strerror(resolved));
    }
    load->server_count++;
}

static void take_options(struct load *load, int argc, char **argv)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'}, {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 't'},     {"count", required_argument, NULL, 'n'},
        {"users", required_argument, NULL, 'U'},       {"size", required_argument, NULL, 's'},
        {"first", required_argument, NULL, 'f'},       {"password", required_argument, NULL, 'p'},
        {"record", required_argument, NULL, 'R'},      {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': load->connections = number_of(optarg, 1, THREADS_MAX); break;
        case 'r': load->rate = number_of(optarg, 0, 1000000); break;
        case 't': load->seconds = number_of(optarg, 1, 1000000); break;
        case 'n': load->count = number_of(optarg, 1, 100000000); break;
        case 'U': load->users = number_of(optarg, 1, 1000000); break;
        case 's': load->size = number_of(optarg, 0, MESSAGE_MAX_BYTES); break;
        case 'f': load->first = number_of(optarg, 0, 1000000000000); break;
        case 'p': load->password = optarg; break;
        case 'R':
            load->record = fopen(optarg, "w");
            if (load->record == NULL) {
                fail("%s: %s", optarg, strerror(errno));
            }
            break;
        default: exit(EX_USAGE);
        }
    }
    if (argc - optind < 2) {
        fputs("usage: posthouse-steady deliver|stat|session|delete|collect [option]... HOST:PORT...\n",
              stderr);
        exit(EX_USAGE);
    }
    load->work = find_work(argv[optind]);
    for (int i = optind + 1; i < argc; i++) {
        add_server(load, argv[i]);
    }
    if (load->seconds == 0 && load->count == 0) {
        if (load->work->operate == deliver) {
            load->seconds = 10;
        } else {
            load->count = load->users;
        }
    }
}

int main(int argc, char **argv)
{
    static struct load load = {
        .password = "", .connections = 8, .users = 80, .size = 2048, .lock = PTHREAD_MUTEX_INITIALIZER};
    take_options(&load, argc, argv);
    uint64_t started = now_us();
    struct worker *workers = run_all(&load);
    print_result(&load, workers, now_us() - started);
    for (long i = 0; i < load.connections; i++) {
        for (enum step step_id = 0; step_id < STEP_COUNT; step_id++) {
            free(workers[i].samples[step_id].us);
        }
    }
    free(workers);
    for (unsigned i = 0; i < load.server_count; i++) {
        freeaddrinfo(load.servers[i].server);
    }
    if (load.record != NULL && fclose(load.record) != 0) {
        fail("the record: %s", strerror(errno));
    }
    return 0;
}
