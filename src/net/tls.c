/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each certificate has an SSL_CTX of its own; the SNI callback moves a handshake to the one whose certificate
 * names the host. X509_check_host does the matching (RFC 6125), wildcards included, so that no list of names has
 * to be kept in the configuration.
 */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct ph_tls_context {
    atomic_uint references;
    unsigned count;
    SSL_CTX *contexts[];
};

static int fail_openssl(struct ph_error *err, const char *path, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    char system_reason[96];
    if (ERR_SYSTEM_ERROR(code)) {
        reason = strerror_r(ERR_GET_REASON(code), system_reason, sizeof system_reason);
    }
    ERR_clear_error();
    return ph_fail(err, PH_EINVALID, "%.120s: %s: %s", path, what,
                   reason == NULL ? "unknown reason" : reason);
}

/* Or OpenSSL would ask on the terminal, and the start would hang there. */
static int no_passphrase(char *out, int size, int is_for_writing, void *arg)
{
    (void)out;
    (void)size;
    (void)is_for_writing;
    (void)arg;
    return -1;
}

static int choose_certificate(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    struct ph_tls_context *tls = arg;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (host == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    for (unsigned i = 0; i < tls->count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(tls->contexts[i]);
        if (X509_check_host(certificate, host, 0, 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, tls->contexts[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int context_new(struct ph_tls_context *tls, const struct ph_tls_certificate *files, bool only_tls13,
                       SSL_CTX **out_context, struct ph_error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        return fail_openssl(err, files->certificate_path, "TLS set-up");
    }
    *out_context = context;
    SSL_CTX_set_min_proto_version(context, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* An idle session gives its record buffers back; a partly taken write may be repeated from another buffer. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Or a peer that sends nothing but key updates would keep a worker inside SSL_read for as long as it likes. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, tls);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate_path) != 1) {
        return fail_openssl(err, files->certificate_path, "not a usable certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context, files->key_path, SSL_FILETYPE_PEM) != 1) {
        return fail_openssl(err, files->key_path, "not a usable key for this certificate");
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return fail_openssl(err, files->key_path, "does not belong to the certificate");
    }
    return PH_OK;
}

int ph_tls_context_new(const struct ph_tls_options *options, struct ph_tls_context **out_tls,
                       struct ph_error *err)
{
    if (options->certificate_count == 0) {
        return ph_fail(err, PH_EINVALID, "TLS needs at least one certificate");
    }
    struct ph_tls_context *tls = ph_zalloc(sizeof *tls + options->certificate_count * sizeof(SSL_CTX *));
    atomic_init(&tls->references, 1);
    tls->count = options->certificate_count;
    for (unsigned i = 0; i < tls->count; i++) {
        int result = context_new(tls, &options->certificates[i], options->only_tls13, &tls->contexts[i], err);
        if (result != PH_OK) {
            ph_tls_context_unref(&tls);
            return result;
        }
    }
    *out_tls = tls;
    return PH_OK;
}

struct ph_tls_context *ph_tls_context_ref(struct ph_tls_context *tls)
{
    atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    return tls;
}

void ph_tls_context_unref(struct ph_tls_context **tls_ptr)
{
    struct ph_tls_context *tls = *tls_ptr;
    *tls_ptr = NULL;
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (unsigned i = 0; i < tls->count; i++) {
        SSL_CTX_free(tls->contexts[i]);
    }
    free(tls);
}

SSL *ph_tls_session_new(struct ph_tls_context *tls)
{
    return SSL_new(tls->contexts[0]);
}
