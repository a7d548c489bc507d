/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net-private.h"
#include "net/test_support.h"

void ph_test_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* ---- A pool ---- */

void ph_test_pool_init(struct ph_test_pool *test, const struct ph_pool_options *options)
{
    *test = (struct ph_test_pool){.manual = {.real_us = 1700000000000000U, .mono_us = 1000000}};
    test->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(test->log_fd >= 0);
    test->clock = ph_clock_from_manual(&test->manual);
    ph_log_init(&test->log, test->log_fd, PH_LOG_KV, PH_LOG_DEBUG, &test->clock);
    struct ph_pool_options used = options == NULL ? (struct ph_pool_options){0} : *options;
    used.log = &test->log;
    used.clock = &test->clock;
    struct ph_error err = {0};
    if (ph_pool_new(&used, &test->pool, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

void ph_test_pool_listen(struct ph_test_pool *test, const struct ph_listener_options *options, char *bound)
{
    struct ph_error err = {0};
    if (ph_pool_listen(test->pool, options, bound, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static void *run(void *arg)
{
    struct ph_test_pool *test = arg;
    struct ph_error err = {0};
    return ph_pool_run(test->pool, &err) == PH_OK ? test : NULL;
}

void ph_test_pool_start(struct ph_test_pool *test)
{
    assert_int_equal(pthread_create(&test->thread, NULL, run, test), 0);
    test->is_running = true;
}

void ph_test_pool_join(struct ph_test_pool *test)
{
    void *result = NULL;
    assert_int_equal(pthread_join(test->thread, &result), 0);
    test->is_running = false;
    assert_ptr_equal(result, test);
}

void ph_test_pool_fini(struct ph_test_pool *test)
{
    if (test->is_running) {
        ph_pool_stop(test->pool);
        ph_test_pool_join(test);
    }
    ph_pool_free(&test->pool);
    close(test->log_fd);
}

void ph_test_pool_advance(struct ph_test_pool *test, unsigned ms)
{
    uint64_t rounds = atomic_load(&test->pool->rounds);
    test->manual.mono_us += (uint64_t)ms * 1000U;
    /* One that began behind the move; or the pool has ended meanwhile. */
    for (int i = 0; i < 1000 && test->is_running && atomic_load(&test->pool->rounds) < rounds + 2; i++) {
        ph_test_pause();
    }
}

unsigned ph_test_pool_connections(struct ph_test_pool *test)
{
    struct ph_pool_stats stats;
    ph_pool_get_stats(test->pool, &stats);
    return stats.connections;
}

void ph_test_pool_settle(struct ph_test_pool *test)
{
    struct ph_pool_stats before;
    struct ph_pool_stats after;
    unsigned still = 0;
    ph_pool_get_stats(test->pool, &before);
    /* A loop would have thousands of events in each of these. */
    for (int i = 0; i < PH_TEST_PATIENCE_MS / 10 && still < 5; i++) {
        for (int k = 0; k < 10; k++) {
            ph_test_pause();
        }
        ph_pool_get_stats(test->pool, &after);
        still = after.busy == 0 && after.events == before.events ? still + 1 : 0;
        before = after;
    }
    assert_true(still >= 5);
}

const char *ph_test_pool_log(struct ph_test_pool *test)
{
    off_t end = lseek(test->log_fd, 0, SEEK_END);
    off_t max = (off_t)sizeof test->log_text - 1;
    ssize_t got = pread(test->log_fd, test->log_text, (size_t)max, end > max ? end - max : 0);
    assert_true(got >= 0);
    test->log_text[got] = '\0';
    return test->log_text;
}

/* ---- Files and certificates ---- */

void ph_test_directory_make(char *path)
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, PH_TEST_PATH_MAX, "%s/posthouse-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    assert_non_null(mkdtemp(path));
}

void ph_test_directory_remove(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
        }
    }
    closedir(directory);
    assert_int_equal(rmdir(path), 0);
}

static FILE *create(const char *directory, const char *name, const char *suffix)
{
    char path[PH_TEST_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

void ph_test_certificate_make(const char *directory, const char *name, const char *host)
{
    char alternative[128];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    assert_true(key != NULL && certificate != NULL && subject != NULL);
    snprintf(alternative, sizeof alternative, "DNS:%s", host);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    assert_non_null(extension);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_subject_name(certificate, subject);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    X509_add_ext(certificate, extension, -1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = create(directory, name, ".pem");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = create(directory, name, ".key");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_EXTENSION_free(extension);
    X509_NAME_free(subject);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct ph_tls_context *ph_test_tls_context(const char *directory, const char *const *names)
{
    enum { MAX = 4 };
    char paths[MAX][2][PH_TEST_PATH_MAX + 32];
    struct ph_tls_certificate certificates[MAX];
    struct ph_tls_options options = {.certificates = certificates};
    for (; names[options.certificate_count] != NULL; options.certificate_count++) {
        unsigned i = options.certificate_count;
        assert_true(i < MAX);
        snprintf(paths[i][0], sizeof paths[i][0], "%s/%s.pem", directory, names[i]);
        snprintf(paths[i][1], sizeof paths[i][1], "%s/%s.key", directory, names[i]);
        certificates[i] = (struct ph_tls_certificate){paths[i][0], paths[i][1]};
    }
    struct ph_tls_context *tls = NULL;
    struct ph_error err = {0};
    if (ph_tls_context_new(&options, &tls, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return tls;
}

/* ---- The heap ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);

size_t ph_test_heap_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes();
}

unsigned ph_test_heap_factor(void)
{
    return 3;
}
#else
size_t ph_test_heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

unsigned ph_test_heap_factor(void)
{
    return 1;
}
#endif
