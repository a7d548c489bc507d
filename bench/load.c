/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posthouse-load: a load on a mail server over LMTP or POP3, and what it took.
 *
 *   posthouse-load WORK HOST PORT CONNECTIONS COUNT [PASSWORD]
 *
 * WORK is one of
 *   deliver   LMTP; COUNT messages of 1 to 24 KiB (mean 4.9), each to one recipient
 *   login     POP3; COUNT sessions of USER, PASS, STAT, QUIT
 *   read      POP3; COUNT sessions of LIST, UIDL, then RETR of up to 20 messages
 *   delete    POP3; COUNT sessions of DELE of up to 20 messages
 *
 * Each connection is a thread and has a user of its own, user0@bench.example and so on: a maildrop is exclusive. On a
 * delivery all messages of one thread use one connection; each POP3 session is a new one. The load knows only the
 * protocols, so that any server can stand at the other end.
 *
 * One line of JSON on standard output: operations, messages and octets of them, seconds, and the latency of an
 * operation at the median, the 99th percentile and at most. Any reply that is no success ends the run, status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MESSAGES_PER_SESSION = 20, MESSAGE_MAX_BYTES = 32 * 1024 };

struct load {
    const char *work;
    const char *password;
    struct addrinfo *server;
    long count;
    atomic_long next; /* operations taken so far; a thread ends when it reaches count */
    atomic_long messages;
    atomic_long octets;
    uint64_t *latencies_us; /* count of them, each written by the thread that took the operation */
};

/* One connection, with what was read and not used yet. */
struct peer {
    struct load *load;
    int number;
    int fd;
    uint64_t random;
    size_t start, end;
    char input[16 * 1024];
    char output[2 * MESSAGE_MAX_BYTES];
};

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("posthouse-load: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* xorshift64: the same messages in every run. */
static uint32_t next_random(struct peer *peer, uint32_t below)
{
    peer->random ^= peer->random << 13;
    peer->random ^= peer->random >> 7;
    peer->random ^= peer->random << 17;
    return (uint32_t)(peer->random >> 32) % below;
}

/* ---- Lines in, bytes out ---- */

static void connect_peer(struct peer *peer)
{
    const struct addrinfo *server = peer->load->server;
    peer->fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0 || connect(peer->fd, server->ai_addr, server->ai_addrlen) < 0) {
        fail("connect: %s", strerror(errno));
    }
    int on = 1;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct timeval patience = {.tv_sec = 60};
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    peer->start = peer->end = 0;
}

static void send_bytes(struct peer *peer, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(peer->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0) {
            fail("send: %s", strerror(errno));
        }
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* The next line without CRLF, valid until the next call. */
static const char *read_line(struct peer *peer)
{
    for (;;) {
        char *start = peer->input + peer->start;
        char *newline = memchr(start, '\n', peer->end - peer->start);
        if (newline != NULL) {
            peer->start = (size_t)(newline - peer->input) + 1;
            if (newline > start && newline[-1] == '\r') {
                newline--;
            }
            *newline = '\0';
            return start;
        }
        memmove(peer->input, start, peer->end - peer->start);
        peer->end -= peer->start;
        peer->start = 0;
        if (peer->end == sizeof peer->input) {
            fail("a line of more than %zu octets", sizeof peer->input);
        }
        ssize_t got = recv(peer->fd, peer->input + peer->end, sizeof peer->input - peer->end, 0);
        if (got <= 0) {
            fail("the server closed the connection: %s", got < 0 ? strerror(errno) : "end of file");
        }
        peer->end += (size_t)got;
    }
}

/* Reads one reply of LMTP (perhaps of several lines) or POP3; it must begin with `wanted`. */
static void expect(struct peer *peer, const char *wanted)
{
    const char *line;
    do {
        line = read_line(peer);
        if (strncmp(line, wanted, strlen(wanted)) != 0) {
            fail("expected %s, got: %s", wanted, line);
        }
    } while (line[0] >= '0' && line[0] <= '9' && strlen(line) > 3 && line[3] == '-');
}

__attribute__((format(printf, 3, 4))) static void command(struct peer *peer, const char *wanted,
                                                          const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 2, fmt, args);
    va_end(args);
    memcpy(line + len, "\r\n", 2);
    send_bytes(peer, line, (size_t)len + 2);
    expect(peer, wanted);
}

/* Reads to the line of one dot. Gives the lines and the octets in out_lines and out_octets. */
static void read_listing(struct peer *peer, long *out_lines, long *out_octets)
{
    long lines = 0;
    long octets = 0;
    for (const char *line = read_line(peer); strcmp(line, ".") != 0; line = read_line(peer)) {
        lines++;
        octets += (long)strlen(line) + 2 - (line[0] == '.');
    }
    *out_lines = lines;
    *out_octets = octets;
}

/* ---- Messages ---- */

static size_t make_message(struct peer *peer, long operation, char *out_text)
{
    static const char *const words[] = {
        "meeting", "report",   "the",     "and",      "please",   "invoice",  "tomorrow",
        "of",      "attached", "regards", "schedule", "with",     "team",     "project",
        "for",     "review",   "a",       "update",   "customer", "question",
    };
    /* Most mail is small, some is not. */
    static const size_t sizes[] = {1024, 1536, 2048, 2048, 3072, 3072, 4096, 6144, 8192, 18432};
    size_t size = sizes[next_random(peer, sizeof sizes / sizeof sizes[0])];

    int len = snprintf(out_text, MESSAGE_MAX_BYTES,
                       "Received: from client%d.bench.example (client%d.bench.example [192.0.2.%u])\r\n"
                       "\tby relay.bench.example with ESMTPS id %08x%08x;\r\n"
                       "\tSun, 22 Nov 2026 12:%02u:%02u +0000\r\n"
                       "From: Sender %u <sender%u@bench.example>\r\n"
                       "To: User %d <user%d@bench.example>\r\n"
                       "Subject: Message %ld about %s and %s\r\n"
                       "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
                       "Message-ID: <%08x.%08x.%ld@bench.example>\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n\r\n",
                       peer->number, peer->number, next_random(peer, 256), next_random(peer, UINT32_MAX),
                       next_random(peer, UINT32_MAX), next_random(peer, 60), next_random(peer, 60),
                       next_random(peer, 100), next_random(peer, 100), peer->number, peer->number, operation,
                       words[next_random(peer, 20)], words[next_random(peer, 20)],
                       next_random(peer, UINT32_MAX), next_random(peer, UINT32_MAX), operation);
    size_t used = (size_t)len;
    size_t column = 0;
    while (used < size) {
        /* Every sixth word is a number, or the text would compress far better than mail does. */
        char number[16];
        const char *word = words[next_random(peer, 20)];
        if (next_random(peer, 6) == 0) {
            snprintf(number, sizeof number, "%x", next_random(peer, UINT32_MAX));
            word = number;
        }
        size_t word_len = strlen(word);
        memcpy(out_text + used, word, word_len);
        used += word_len;
        column += word_len + 1;
        if (column > 68) {
            memcpy(out_text + used, "\r\n", 2);
            used += 2;
            column = 0;
        } else {
            out_text[used++] = ' ';
        }
    }
    memcpy(out_text + used, "\r\n", 2);
    return used + 2;
}

/* ---- One operation of each kind of work ---- */

static void deliver(struct peer *peer, long operation)
{
    if (peer->fd < 0) {
        connect_peer(peer);
        expect(peer, "220");
        command(peer, "250", "LHLO load.bench.example");
    }
    size_t len = make_message(peer, operation, peer->output);
    command(peer, "250", "MAIL FROM:<sender@bench.example>");
    command(peer, "250", "RCPT TO:<user%d@bench.example>", peer->number);
    command(peer, "354", "DATA");
    memcpy(peer->output + len, ".\r\n", 3);
    send_bytes(peer, peer->output, len + 3);
    expect(peer, "250");
    atomic_fetch_add(&peer->load->messages, 1);
    atomic_fetch_add(&peer->load->octets, (long)len);
}

static void log_in(struct peer *peer)
{
    connect_peer(peer);
    expect(peer, "+OK");
    command(peer, "+OK", "USER user%d@bench.example", peer->number);
    command(peer, "+OK", "PASS %s", peer->load->password);
}

static void log_out(struct peer *peer)
{
    command(peer, "+OK", "QUIT");
    close(peer->fd);
    peer->fd = -1;
}

static void session_of_login(struct peer *peer, long operation)
{
    (void)operation;
    log_in(peer);
    command(peer, "+OK", "STAT");
    log_out(peer);
}

/* The number of messages, at most MESSAGES_PER_SESSION. */
static long list_messages(struct peer *peer)
{
    long count;
    long octets;
    command(peer, "+OK", "LIST");
    read_listing(peer, &count, &octets);
    return count < MESSAGES_PER_SESSION ? count : MESSAGES_PER_SESSION;
}

static void session_of_read(struct peer *peer, long operation)
{
    (void)operation;
    log_in(peer);
    long count = list_messages(peer);
    long lines;
    long octets;
    command(peer, "+OK", "UIDL");
    read_listing(peer, &lines, &octets);
    for (long i = 1; i <= count; i++) {
        command(peer, "+OK", "RETR %ld", i);
        read_listing(peer, &lines, &octets);
        atomic_fetch_add(&peer->load->octets, octets);
    }
    atomic_fetch_add(&peer->load->messages, count);
    log_out(peer);
}

static void session_of_delete(struct peer *peer, long operation)
{
    (void)operation;
    log_in(peer);
    long count = list_messages(peer);
    for (long i = 1; i <= count; i++) {
        command(peer, "+OK", "DELE %ld", i);
    }
    atomic_fetch_add(&peer->load->messages, count);
    log_out(peer);
}

static const struct {
    const char *name;
    void (*operate)(struct peer *peer, long operation);
} works[] = {
    {"deliver", deliver},
    {"login", session_of_login},
    {"read", session_of_read},
    {"delete", session_of_delete},
};

/* ---- The run ---- */

static void *run_peer(void *argument)
{
    struct peer *peer = argument;
    struct load *load = peer->load;
    size_t work = 0;
    while (strcmp(works[work].name, load->work) != 0) {
        work++;
    }
    for (long operation = atomic_fetch_add(&load->next, 1); operation < load->count;
         operation = atomic_fetch_add(&load->next, 1)) {
        uint64_t started = now_us();
        works[work].operate(peer, operation);
        load->latencies_us[operation] = now_us() - started;
    }
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    return NULL;
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
}

static long parse_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || value < 1 || value > max) {
        fail("not a number from 1 to %ld: %s", max, text);
    }
    return value;
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc > 7) {
        fputs("usage: posthouse-load deliver|login|read|delete HOST PORT CONNECTIONS COUNT [PASSWORD]\n",
              stderr);
        return EX_USAGE;
    }
    struct load load = {.work = argv[1], .password = argc == 7 ? argv[6] : ""};
    bool known = false;
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        known = known || strcmp(works[i].name, load.work) == 0;
    }
    if (!known) {
        fail("no such work: %s", load.work);
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    int resolved = getaddrinfo(argv[2], argv[3], &hints, &load.server);
    if (resolved != 0) {
        fail("%s port %s: %s", argv[2], argv[3], gai_strerror(resolved));
    }
    long connections = parse_number(argv[4], MAX_CONNECTIONS);
    load.count = parse_number(argv[5], 100000000);
    load.latencies_us = calloc((size_t)load.count, sizeof load.latencies_us[0]);
    struct peer *peers = calloc((size_t)connections, sizeof peers[0]);
    pthread_t *threads = calloc((size_t)connections, sizeof threads[0]);
    if (load.latencies_us == NULL || peers == NULL || threads == NULL) {
        fail("out of memory");
    }

    uint64_t started = now_us();
    for (long i = 0; i < connections; i++) {
        peers[i].load = &load;
        peers[i].number = (int)i;
        peers[i].fd = -1;
        peers[i].random = 88172645463325252ULL + (uint64_t)i * 7919;
        int error = pthread_create(&threads[i], NULL, run_peer, &peers[i]);
        if (error != 0) {
            fail("pthread_create: %s", strerror(error));
        }
    }
    for (long i = 0; i < connections; i++) {
        pthread_join(threads[i], NULL);
    }
    print_result(&load, now_us() - started);

    freeaddrinfo(load.server);
    free(load.latencies_us);
    free(peers);
    free(threads);
    return 0;
}
