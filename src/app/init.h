/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `posthouse init`: from a few answers to a configuration that works, a certificate, the first domain and user, and the
 * records for the DNS.
 *
 * The answers are the command's options; on a terminal the rest is asked for. Nothing that exists is overwritten: a
 * configuration only with --force, and then the old one stays as FILE.old; certificate and key never.
 * Memory: texts in a plan belong to it, until ph_init_plan_fini. Threads: one; the command's own process.
 */
#ifndef PH_APP_INIT_H
#define PH_APP_INIT_H

#include <sys/types.h>

#include "app/cli.h"
#include "base/buf.h"

/* Whom the Debian package makes, and the unit runs as. */
#define PH_INIT_SERVER_USER "posthouse"

/* X(NAME, "name in --ports", "protocol", "tls", port, "service in the DNS" or NULL) */
#define PH_INIT_SERVICES(X)                                                      \
    X(SMTP, "smtp", "smtp", "starttls", 25, NULL)                                \
    X(SUBMISSION, "submission", "submission", "starttls", 587, "_submission")    \
    X(SUBMISSIONS, "submissions", "submission", "implicit", 465, "_submissions") \
    X(POP3, "pop3", "pop3", "starttls", 110, "_pop3")                            \
    X(POP3S, "pop3s", "pop3", "implicit", 995, "_pop3s")                         \
    X(IMAP, "imap", "imap", "starttls", 143, "_imap")                            \
    X(IMAPS, "imaps", "imap", "implicit", 993, "_imaps")

enum ph_init_service {
#define PH_INIT_ENUM(name, word, protocol, tls, port, record) PH_INIT_##name,
    PH_INIT_SERVICES(PH_INIT_ENUM)
#undef PH_INIT_ENUM
        PH_INIT_SERVICE_COUNT
};

struct ph_init_service_info {
    const char *name;
    const char *protocol;
    const char *tls;
    unsigned port;
    const char *record;
};
extern const struct ph_init_service_info ph_init_services[PH_INIT_SERVICE_COUNT];

enum { PH_INIT_NO_PORT = -1, PH_INIT_ADDRESSES_MAX = 16, PH_INIT_TEXT_MAX = 65536, PH_INIT_DIGEST_TEXT = 65 };

struct ph_init_plan {
    const char *config_path;
    char *hostname;
    char *domain; /* "" for none */
    char *user;   /* "" for none */
    char *data_dir;
    char *certificate;
    char *key;
    bool is_self_signed;              /* certificate and key are ours to make */
    int ports[PH_INIT_SERVICE_COUNT]; /* PH_INIT_NO_PORT: not served */
    char *addresses[PH_INIT_ADDRESSES_MAX];
    size_t address_count;
    /* Who the server will be: the system user posthouse, where root sets up and there is one. */
    bool has_owner;
    uid_t uid;
    gid_t gid;
};

/* Fills PLAN (zeroed) from CALL's options, asking for the rest on a terminal (init_plan.c). PH_ECONFLICT: there is a
 * configuration, and no --force. */
int ph_init_make_plan(const struct ph_cli_call *call, struct ph_init_plan *plan,
                      struct ph_error *err) PH_MUST_USE;
void ph_init_plan_fini(struct ph_init_plan *plan);

/* "smtp=2525,pop3=none": takes those over that are named. */
int ph_init_parse_ports(struct ph_init_plan *plan, const char *text, struct ph_error *err) PH_MUST_USE;
/* "192.0.2.1,[2001:db8::1]"; what is given replaces what was there. */
int ph_init_parse_addresses(struct ph_init_plan *plan, const char *text, struct ph_error *err) PH_MUST_USE;

/* The configuration as text (init_config.c). */
void ph_init_config_text(const struct ph_init_plan *plan, struct ph_buf *text);
/* Writes it, checks what was written as check-config does, and only then gives it its name. */
int ph_init_write_config(const struct ph_init_plan *plan, bool may_replace, struct ph_error *err) PH_MUST_USE;
/* Makes the directory PATH and what is missing above it. */
int ph_init_directories(const char *path, struct ph_error *err) PH_MUST_USE;

/* Makes a key (ECDSA P-256) and a certificate that it signs itself, for the host's name, for ten years
 * (init_certificate.c). Where both files exist they stay as they are: *OUT_IS_NEW. */
int ph_init_make_certificate(const struct ph_init_plan *plan, bool *out_is_new,
                             struct ph_error *err) PH_MUST_USE;
/* SHA-256 of the public key in the file, in hex, as TLSA 3 1 1 has it (RFC 6698). */
int ph_init_key_digest(const char *certificate_path, char out_hex[PH_INIT_DIGEST_TEXT],
                       struct ph_error *err) PH_MUST_USE;

/* The records to set, one a line, as in a zone file; DIGEST may be "" (init_dns.c). */
void ph_init_records(const struct ph_init_plan *plan, const char *digest, struct ph_buf *lines);

#endif
