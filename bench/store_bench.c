/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded store alone, without a server around it: threads that deliver as fast as they are told that a
 * message is on disk, then the cost of listing and deleting.
 *
 *   store-bench [--directory DIR] [--threads N] [--messages N] [--mailboxes N] [--page-bytes N] [--body-bytes N]
 *               [--checkpoint-bytes N] [--reads N] [--plain] [--users NAME] [--keep]
 *
 * DIR is made and removed again. With --keep it stays, a maildrop is neither read nor emptied, and DIR is a server's
 * data_dir but for its accounts; NAME has a %u for the number, as in user%u@example.org. One line of key=value on standard output: rates, CPU of the whole process, and
 * octets written to disk for each octet of mail (from /proc/self/io, checkpoints included).
 */
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "blob/segment_store.h"
#include "db/sqlite/sqlite.h"
#include "mailbox/maildrop.h"

struct settings {
    const char *directory;
    unsigned threads;
    unsigned messages;
    unsigned mailboxes;
    unsigned page_bytes;
    unsigned body_bytes; /* the mean */
    unsigned checkpoint_bytes;
    unsigned reads;          /* of messages of one maildrop, over and over */
    const char *user_before; /* of the number in a user's name */
    const char *user_after;
    bool is_plain; /* content as it is, not compressed */
    bool does_keep;
};

struct bench {
    struct settings settings;
    struct ph_log log;
    struct ph_uuid_gen ids;
    struct ph_db *db;
    struct ph_blob_store *blobs;
    struct ph_mailboxes *mailboxes;
    char *text; /* what bodies are cut from */
    size_t text_len;
    atomic_uint next;
    atomic_uint_fast64_t content_bytes;
    atomic_uint_fast64_t latency_us;
    atomic_uint_fast64_t worst_us;
};

static void must(int result, const struct ph_error *err, const char *what)
{
    if (result != PH_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, ph_error_name(result), err->text);
        exit(1);
    }
}

/* ---- Mail ---- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xFF51AFD7ED558CCDU;
    x ^= x >> 33;
    x *= 0xC4CEB9FE1A85EC53U;
    return x ^ (x >> 33);
}

/* Words of pseudo-random letters: as compressible as mail is, about half. */
static void make_text(struct bench *bench)
{
    enum { WORDS = 4000, WORD_MAX = 10 };
    bench->text_len = 1U << 20;
    bench->text = ph_alloc(bench->text_len);
    uint64_t seed = 1;
    size_t at = 0;
    while (at < bench->text_len) {
        seed = mix(seed + 1);
        uint64_t word = mix(seed % WORDS);
        for (size_t i = 0; i < 3 + word % (WORD_MAX - 3) && at < bench->text_len; i++) {
            bench->text[at++] = (char)('a' + (mix(word + i) % 26));
        }
        if (at < bench->text_len) {
            bench->text[at++] = seed % 11 == 0 ? '\n' : ' ';
        }
    }
}

static size_t make_header(char *out, size_t size, unsigned number)
{
    int len = snprintf(
        out, size,
        "Return-Path: <sender%u@example.com>\r\nDelivered-To: user%u@example.org\r\n"
        "Received: from mail%u.example.com (mail%u.example.com [192.0.2.%u])\r\n"
        "\tby mx.example.org (Posthouse) with ESMTPS id %016llx\r\n"
        "\tfor <user@example.org>; Sun, 22 Nov 2026 21:00:%02u +0000\r\n"
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=mail; h=from:to:subject:date;\r\n"
        "\tb=%016llx%016llx%016llx%016llx%016llx%016llx\r\n"
        "From: Sender Number %u <sender%u@example.com>\r\nTo: user@example.org\r\n"
        "Subject: message number %u of the benchmark\r\nDate: Sun, 22 Nov 2026 21:00:00 +0000\r\n"
        "Message-ID: <%016llx@mail.example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        number % 1000, number % 777, number % 7, number % 7, number % 250, (unsigned long long)mix(number),
        number % 60, (unsigned long long)mix(number + 1), (unsigned long long)mix(number + 2),
        (unsigned long long)mix(number + 3), (unsigned long long)mix(number + 4),
        (unsigned long long)mix(number + 5), (unsigned long long)mix(number + 6), number, number % 1000,
        number, (unsigned long long)mix(number + 7));
    return (size_t)len;
}

static void deliver(struct bench *bench, struct ph_arena *arena, unsigned number)
{
    static const struct ph_access delivery = {.is_administrator = true};
    struct ph_error err = {0};
    char header[2048];
    char user[64];
    size_t header_len = make_header(header, sizeof header, number);
    /* A few large ones make the mean. */
    size_t spread = mix(number) % 100;
    size_t body_len = bench->settings.body_bytes * (spread < 10 ? 4 : 6) / (spread < 10 ? 1 : 9);
    size_t body_at = mix(number + 99) % (bench->text_len - body_len);
    int user_len =
        snprintf(user, sizeof user, "%s%u%s", bench->settings.user_before,
                 (unsigned)(mix(number + 5) % bench->settings.mailboxes), bench->settings.user_after);
    struct ph_plan plan;
    ph_plan_init(&plan, arena);
    struct ph_blob_item items[2] = {
        {.kind = PH_BLOB_HEADER, .content = {.prefix = ph_bytes_of(header, header_len)}, .references = 1},
        {.kind = PH_BLOB_BODY,
         .content = {.prefix = ph_bytes_of(bench->text + body_at, body_len)},
         .references = 1},
    };
    uint64_t started_us = ph_mono_us(&ph_clock_system);
    must(ph_blob_put_all(bench->blobs, &plan, items, 2, &err), &err, "put");
    const struct ph_append message = {
        .message_id = ph_uuid_gen_next(&bench->ids),
        .header_blob = items[0].id,
        .body_blob = items[1].id,
        .header_bytes = header_len,
        .total_bytes = header_len + body_len,
        .internal_date_ms = (int64_t)(ph_real_us(&ph_clock_system) / 1000),
    };
    must(ph_mailbox_append(bench->mailboxes, &delivery, ph_bytes_of(user, (size_t)user_len),
                           PH_BYTES("INBOX"), &message, &plan, &err),
         &err, "append");
    must(ph_db_apply(bench->db, &plan, &err), &err, "apply");
    uint64_t spent_us = ph_mono_us(&ph_clock_system) - started_us;
    atomic_fetch_add(&bench->content_bytes, header_len + body_len);
    atomic_fetch_add(&bench->latency_us, spent_us);
    uint64_t worst = atomic_load(&bench->worst_us);
    while (spent_us > worst && !atomic_compare_exchange_weak(&bench->worst_us, &worst, spent_us)) {
    }
}

static void *deliverer_main(void *arg)
{
    struct bench *bench = arg;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    for (unsigned number; (number = atomic_fetch_add(&bench->next, 1)) < bench->settings.messages;) {
        deliver(bench, &arena, number);
        ph_arena_reset(&arena);
    }
    ph_arena_fini(&arena);
    return NULL;
}

/* ---- What it cost ---- */

struct usage {
    uint64_t wall_us;
    uint64_t cpu_us;
    uint64_t written;
    uint64_t switches;
};

static struct usage usage_now(void)
{
    struct rusage rusage;
    struct usage usage = {.wall_us = ph_mono_us(&ph_clock_system)};
    getrusage(RUSAGE_SELF, &rusage);
    usage.cpu_us = (uint64_t)(rusage.ru_utime.tv_sec + rusage.ru_stime.tv_sec) * 1000000 +
                   (uint64_t)(rusage.ru_utime.tv_usec + rusage.ru_stime.tv_usec);
    usage.switches = (uint64_t)(rusage.ru_nvcsw + rusage.ru_nivcsw);
    FILE *io = fopen("/proc/self/io", "r");
    char line[128];
    while (io != NULL && fgets(line, sizeof line, io) != NULL) {
        if (strncmp(line, "write_bytes: ", 13) == 0) {
            usage.written = strtoull(line + 13, NULL, 10);
        }
    }
    if (io != NULL) {
        fclose(io);
    }
    return usage;
}

static void run_deliveries(struct bench *bench)
{
    pthread_t *threads = ph_alloc(bench->settings.threads * sizeof *threads);
    struct usage before = usage_now();
    for (unsigned i = 0; i < bench->settings.threads; i++) {
        pthread_create(&threads[i], NULL, deliverer_main, bench);
    }
    for (unsigned i = 0; i < bench->settings.threads; i++) {
        pthread_join(threads[i], NULL);
    }
    struct usage after = usage_now();
    free(threads);
    double messages = bench->settings.messages;
    double seconds = (double)(after.wall_us - before.wall_us) / 1e6;
    printf("deliveries_per_s=%.0f cpu_s_per_1000=%.4f written_per_octet=%.2f mean_octets=%.0f switches=%.1f "
           "latency_mean_ms=%.2f latency_max_ms=%.1f ",
           messages / seconds, (double)(after.cpu_us - before.cpu_us) / 1e6 / messages * 1000,
           (double)(after.written - before.written) / (double)bench->content_bytes,
           (double)bench->content_bytes / messages, (double)(after.switches - before.switches) / messages,
           (double)bench->latency_us / messages / 1000, (double)bench->worst_us / 1000);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool is_done;
    int result;
};

static void note_deleted(void *ctx, int result)
{
    struct waiter *waiter = ctx;
    pthread_mutex_lock(&waiter->lock);
    waiter->result = result;
    waiter->is_done = true;
    pthread_cond_signal(&waiter->is_over);
    pthread_mutex_unlock(&waiter->lock);
}

static void delete_all(struct ph_maildrop *drop)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    bool *is_deleted = ph_alloc(drop->count + 1);
    memset(is_deleted, 1, drop->count);
    ph_maildrop_delete(drop, is_deleted, note_deleted, &waiter);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done) {
        pthread_cond_wait(&waiter.is_over, &waiter.lock);
    }
    pthread_mutex_unlock(&waiter.lock);
    must(waiter.result, &(struct ph_error){0}, "delete");
    free(is_deleted);
}

/* Lists, reads and empties one maildrop. */
static void run_maildrop(struct bench *bench)
{
    struct ph_error err = {0};
    const struct ph_access user = {.user = PH_BYTES("user0@example.org")};
    struct ph_maildrop *drop;
    uint64_t started_us = ph_mono_us(&ph_clock_system);
    must(ph_maildrop_open(bench->mailboxes, &user, &drop, &err), &err, "open");
    uint64_t opened_us = ph_mono_us(&ph_clock_system);
    size_t read = drop->count == 0 ? 0 : bench->settings.reads;
    struct usage before_reads = usage_now();
    struct ph_buf out = PH_BUF(1U << 20);
    for (size_t i = 0; i < read; i++) {
        struct ph_message_reader reader;
        must(ph_maildrop_read(drop, i % drop->count, PH_MESSAGE_WHOLE, &reader, &err), &err, "read");
        size_t before;
        ph_buf_clear(&out);
        do {
            before = out.len;
            must(ph_message_read(bench->mailboxes, &reader, 1U << 16, &out, &err), &err, "read");
        } while (out.len > before);
        ph_message_close(&reader);
    }
    struct usage after_reads = usage_now();
    struct usage before = usage_now();
    delete_all(drop);
    struct usage after = usage_now();
    double count = drop->count == 0 ? 1 : (double)drop->count;
    printf("maildrop=%zu open_ms=%.2f read_cpu_us=%.1f delete_us_each=%.1f delete_cpu_us_each=%.1f\n",
           drop->count, (double)(opened_us - started_us) / 1000,
           read == 0 ? 0 : (double)(after_reads.cpu_us - before_reads.cpu_us) / (double)read,
           (double)(after.wall_us - before.wall_us) / count, (double)(after.cpu_us - before.cpu_us) / count);
    ph_buf_fini(&out);
    ph_maildrop_close(&drop);
}

/* ---- Life ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void open_all(struct bench *bench)
{
    struct ph_error err = {0};
    char segments[512];
    char spool[512];
    snprintf(segments, sizeof segments, "%s/segments", bench->settings.directory);
    snprintf(spool, sizeof spool, "%s/spool", bench->settings.directory);
    ph_log_init(&bench->log, 2, PH_LOG_KV, PH_LOG_WARNING, &ph_clock_system);
    ph_uuid_gen_init(&bench->ids, &ph_clock_system, &ph_rand_system);
    const struct ph_sqlite_options database = {
        .directory = bench->settings.directory,
        .page_bytes = bench->settings.page_bytes,
        .checkpoint_bytes = bench->settings.checkpoint_bytes,
        .clock = &ph_clock_system,
        .log = &bench->log,
    };
    must(ph_sqlite_open(&database, &bench->db, &err), &err, bench->settings.directory);
    const struct ph_segment_options content = {
        .directory = segments,
        .spool_directory = spool,
        .compress_headers = !bench->settings.is_plain,
        .compress_bodies = !bench->settings.is_plain,
        .ids = &bench->ids,
        .clock = &ph_clock_system,
        .log = &bench->log,
    };
    must(ph_segment_store_open(&content, bench->db, &bench->blobs, &err), &err, segments);
    const struct ph_mailboxes_options mailboxes = {
        .db = bench->db,
        .blobs = bench->blobs,
        .ids = &bench->ids,
        .clock = &ph_clock_system,
        .log = &bench->log,
    };
    must(ph_mailboxes_new(&mailboxes, &bench->mailboxes, &err), &err, "mailboxes");
}

static void close_all(struct bench *bench)
{
    ph_mailboxes_free(&bench->mailboxes);
    ph_segment_store_close(&bench->blobs);
    ph_db_close(&bench->db);
    ph_uuid_gen_fini(&bench->ids);
    free(bench->text);
    if (bench->settings.does_keep) {
        return;
    }
    nftw(bench->settings.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static unsigned number_of(const char *text)
{
    uint64_t value;
    if (!ph_bytes_to_u64(ph_bytes_str(text), &value) || value > UINT32_MAX) {
        fprintf(stderr, "%s: not a number\n", text);
        exit(64);
    }
    return (unsigned)value;
}

static void take_users(struct settings *settings, char *name)
{
    char *number = strstr(name, "%u");
    if (number == NULL) {
        fprintf(stderr, "%s: no %%u\n", name);
        exit(64);
    }
    *number = '\0';
    settings->user_before = name;
    settings->user_after = number + 2;
}

int main(int argc, char **argv)
{
    struct bench bench = {.settings = {.directory = "store-bench.tmp",
                                       .threads = 32,
                                       .messages = 20000,
                                       .mailboxes = 1000,
                                       .body_bytes = 3800,
                                       .user_before = "user",
                                       .user_after = "@example.org",
                                       .reads = 1000}};
    static const struct option options[] = {
        {"directory", required_argument, NULL, 'd'},
        {"threads", required_argument, NULL, 't'},
        {"messages", required_argument, NULL, 'n'},
        {"mailboxes", required_argument, NULL, 'm'},
        {"page-bytes", required_argument, NULL, 'p'},
        {"body-bytes", required_argument, NULL, 'b'},
        {"checkpoint-bytes", required_argument, NULL, 'c'},
        {"reads", required_argument, NULL, 'r'},
        {"plain", no_argument, NULL, 'x'},
        {"users", required_argument, NULL, 'u'},
        {"keep", no_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    struct settings *settings = &bench.settings;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'd': settings->directory = optarg; break;
        case 't': settings->threads = number_of(optarg); break;
        case 'n': settings->messages = number_of(optarg); break;
        case 'm': settings->mailboxes = number_of(optarg); break;
        case 'p': settings->page_bytes = number_of(optarg); break;
        case 'b': settings->body_bytes = number_of(optarg); break;
        case 'c': settings->checkpoint_bytes = number_of(optarg); break;
        case 'r': settings->reads = number_of(optarg); break;
        case 'x': settings->is_plain = true; break;
        case 'u': take_users(settings, optarg); break;
        case 'k': settings->does_keep = true; break;
        default: return 64;
        }
    }
    make_text(&bench);
    open_all(&bench);
    printf("page_bytes=%u threads=%u messages=%u mailboxes=%u ", settings->page_bytes, settings->threads,
           settings->messages, settings->mailboxes);
    run_deliveries(&bench);
    if (settings->does_keep) {
        printf("\n");
    } else {
        run_maildrop(&bench);
    }
    close_all(&bench);
    return 0;
}
