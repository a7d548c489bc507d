/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts by themselves: certificates chosen by SNI, versions, files that cannot be used. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/test_support.h"
#include "net/tls.h"

struct fixture {
    char directory[PH_TEST_PATH_MAX];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ph_test_directory_make(f->directory);
    ph_test_certificate_make(f->directory, "first", "mx.example.org");
    ph_test_certificate_make(f->directory, "second", "*.example.net");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ph_test_directory_remove(f->directory);
    free(f);
    return 0;
}

/* ---- Handshakes in memory ---- */

static SSL *new_client(const char *host, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL *client = SSL_new(context);
    SSL_CTX_free(context);
    assert_non_null(client);
    SSL_set_connect_state(client);
    if (host != NULL) {
        SSL_set_tlsext_host_name(client, host);
    }
    return client;
}

/* True if client and server agree. */
static bool shake_hands(struct ph_tls_context *tls, SSL *client)
{
    SSL *server = ph_tls_session_new(tls);
    BIO *client_end = NULL;
    BIO *server_end = NULL;
    assert_non_null(server);
    assert_int_equal(BIO_new_bio_pair(&client_end, 0, &server_end, 0), 1);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_accept_state(server);
    for (int i = 0; i < 10; i++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    ERR_clear_error();
    bool is_done = SSL_is_init_finished(client) == 1 && SSL_is_init_finished(server) == 1;
    SSL_free(server);
    return is_done;
}

/* The common name of the certificate that a client gets who asks for HOST. */
static void assert_certificate(struct ph_tls_context *tls, const char *host, const char *expected)
{
    char name[64] = "";
    SSL *client = new_client(host, TLS1_3_VERSION);
    assert_true(shake_hands(tls, client));
    X509 *certificate = SSL_get1_peer_certificate(client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    SSL_free(client);
    assert_string_equal(name, expected);
}

static void test_certificate_by_name(void **state)
{
    struct fixture *f = *state;
    struct ph_tls_context *tls =
        ph_test_tls_context(f->directory, (const char *const[]){"first", "second", NULL});
    assert_certificate(tls, "mx.example.org", "first");
    assert_certificate(tls, "MX.example.ORG", "first");
    assert_certificate(tls, "pop.example.net", "second");
    assert_certificate(tls, "a.pop.example.net", "first"); /* a wildcard is for one label */
    assert_certificate(tls, "example.net", "first");
    assert_certificate(tls, "elsewhere.example", "first");
    assert_certificate(tls, NULL, "first");
    ph_tls_context_unref(&tls);
    assert_null(tls);
}

static void test_versions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int version;
        bool is_taken;
        bool is_taken_by_13;
    } cases[] = {
        {TLS1_VERSION, false, false},
        {TLS1_1_VERSION, false, false},
        {TLS1_2_VERSION, true, false},
        {TLS1_3_VERSION, true, true},
    };
    char certificate[PH_TEST_PATH_MAX + 32];
    char key[PH_TEST_PATH_MAX + 32];
    snprintf(certificate, sizeof certificate, "%s/first.pem", f->directory);
    snprintf(key, sizeof key, "%s/first.key", f->directory);
    const struct ph_tls_certificate files = {certificate, key};
    for (int only_tls13 = 0; only_tls13 < 2; only_tls13++) {
        const struct ph_tls_options options = {&files, 1, only_tls13 == 1};
        struct ph_tls_context *tls = NULL;
        assert_int_equal(ph_tls_context_new(&options, &tls, NULL), PH_OK);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            SSL *client = new_client(NULL, cases[i].version);
            bool expected = only_tls13 == 1 ? cases[i].is_taken_by_13 : cases[i].is_taken;
            assert_int_equal(shake_hands(tls, client), expected);
            SSL_free(client);
        }
        ph_tls_context_unref(&tls);
    }
}

/* ---- Files ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_key_with_passphrase(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(
        PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL),
        1);
    fclose(file);
    EVP_PKEY_free(key);
}

/* Each says which file it is and what is wrong with it. */
static void test_files_that_cannot_be_used(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *certificate;
        const char *key;
        const char *blamed;
        const char *reason;
    } cases[] = {
        {"absent.pem", "first.key", "absent.pem", "No such file or directory"},
        {"first.pem", "absent.key", "absent.key", "No such file or directory"},
        {"empty.pem", "first.key", "empty.pem", "no start line"},
        {"first.key", "first.key", "first.key", "no start line"},
        {"first.pem", "empty.pem", "empty.pem", ""},
        {"first.pem", "second.key", "second.key", "key values mismatch"},
        {"first.pem", "locked.key", "locked.key", ""},
        {"torn.pem", "first.key", "torn.pem", ""},
    };
    char path[PH_TEST_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/empty.pem", f->directory);
    write_file(path, "");
    snprintf(path, sizeof path, "%s/torn.pem", f->directory);
    write_file(path, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    snprintf(path, sizeof path, "%s/locked.key", f->directory);
    write_key_with_passphrase(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char certificate[PH_TEST_PATH_MAX + 32];
        char key[PH_TEST_PATH_MAX + 32];
        snprintf(certificate, sizeof certificate, "%s/%s", f->directory, cases[i].certificate);
        snprintf(key, sizeof key, "%s/%s", f->directory, cases[i].key);
        const struct ph_tls_certificate files = {certificate, key};
        const struct ph_tls_options options = {&files, 1, false};
        struct ph_tls_context *tls = NULL;
        struct ph_error err = {0};
        assert_int_equal(ph_tls_context_new(&options, &tls, &err), PH_EINVALID);
        assert_null(tls);
        assert_non_null(strstr(err.text, cases[i].blamed));
        if (strstr(err.text, cases[i].reason) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].reason);
        }
        assert_null(strstr(err.text, "unknown reason"));
    }
}

static void test_no_certificate(void **state)
{
    (void)state;
    struct ph_tls_context *tls = NULL;
    struct ph_error err = {0};
    const struct ph_tls_options options = {0};
    assert_int_equal(ph_tls_context_new(&options, &tls, &err), PH_EINVALID);
}

static void test_references(void **state)
{
    struct fixture *f = *state;
    struct ph_tls_context *tls = ph_test_tls_context(f->directory, (const char *const[]){"first", NULL});
    struct ph_tls_context *other = ph_tls_context_ref(tls);
    ph_tls_context_unref(&tls);
    assert_certificate(other, NULL, "first");
    ph_tls_context_unref(&other);
    ph_tls_context_unref(&other); /* of nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_certificate_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_cannot_be_used, set_up, tear_down),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test_setup_teardown(test_references, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
