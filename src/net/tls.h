/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and protocol versions for TLS servers (OpenSSL). One context holds all certificates; the one that
 * names the host of the SNI extension is used, the first where none does.
 *
 * A context is immutable and reference-counted: a reload makes a new one.
 */
#ifndef PH_NET_TLS_H
#define PH_NET_TLS_H

#include <stdbool.h>

#include <openssl/types.h>

#include "base/error.h"

struct ph_tls_context;

struct ph_tls_certificate {
    const char *certificate_path; /* PEM, the chain behind the leaf */
    const char *key_path;         /* PEM */
};

struct ph_tls_options {
    const struct ph_tls_certificate *certificates;
    unsigned certificate_count; /* at least 1 */
    bool only_tls13;            /* else TLS 1.2 and 1.3 */
};

/* PH_EINVALID with file and reason where a certificate or key cannot be used or do not belong together. */
int ph_tls_context_new(const struct ph_tls_options *options, struct ph_tls_context **out_tls,
                       struct ph_error *err) PH_MUST_USE;
struct ph_tls_context *ph_tls_context_ref(struct ph_tls_context *tls);
void ph_tls_context_unref(struct ph_tls_context **tls);

/* A server-side SSL with nothing attached; NULL when out of memory. The caller frees it. */
SSL *ph_tls_session_new(struct ph_tls_context *tls);

#endif
