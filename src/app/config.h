/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one YAML file into one struct, from one table (config.def).
 *
 * Every value of a loaded configuration is set and in its range: what the file leaves out has its default. Numbers
 * have their unit in the name. A configuration is immutable; a reload makes a new one.
 * Threads: one loads; any may read. Memory: all of it is the config file's, until ph_config_free.
 */
#ifndef PH_APP_CONFIG_H
#define PH_APP_CONFIG_H

#include "base/buf.h"

#define PH_CONFIG_CHOICES_log_format(X) X(PH_CONFIG_LOG_KV, "kv") X(PH_CONFIG_LOG_JSON, "json")
#define PH_CONFIG_CHOICES_log_level(X)  \
    X(PH_CONFIG_LOG_DEBUG, "debug")     \
    X(PH_CONFIG_LOG_INFO, "info")       \
    X(PH_CONFIG_LOG_WARNING, "warning") \
    X(PH_CONFIG_LOG_ERROR, "error")
#define PH_CONFIG_CHOICES_protocol(X)              \
    X(PH_CONFIG_PROTOCOL_SMTP, "smtp")             \
    X(PH_CONFIG_PROTOCOL_SUBMISSION, "submission") \
    X(PH_CONFIG_PROTOCOL_LMTP, "lmtp")             \
    X(PH_CONFIG_PROTOCOL_POP3, "pop3")             \
    X(PH_CONFIG_PROTOCOL_IMAP, "imap")
#define PH_CONFIG_CHOICES_listener_tls(X) \
    X(PH_CONFIG_TLS_NONE, "none")         \
    X(PH_CONFIG_TLS_STARTTLS, "starttls") \
    X(PH_CONFIG_TLS_IMPLICIT, "implicit")
#define PH_CONFIG_CHOICES_bare_newline(X) \
    X(PH_CONFIG_BARE_NEWLINE_REJECT, "reject") X(PH_CONFIG_BARE_NEWLINE_ACCEPT, "accept")
#define PH_CONFIG_CHOICES_page_bytes(X) \
    X(PH_CONFIG_PAGE_1024, "1024") X(PH_CONFIG_PAGE_2048, "2048") X(PH_CONFIG_PAGE_4096, "4096")
#define PH_CONFIG_CHOICES_store_engine(X) \
    X(PH_CONFIG_ENGINE_SQLITE, "sqlite") X(PH_CONFIG_ENGINE_CASSANDRA, "cassandra")
#define PH_CONFIG_CHOICES_content(X) X(PH_CONFIG_CONTENT_DATABASE, "database") X(PH_CONFIG_CONTENT_S3, "s3")
#define PH_CONFIG_CHOICES_cassandra_profile(X) \
    X(PH_CONFIG_PROFILE_LWT, "lwt") X(PH_CONFIG_PROFILE_LWT_FREE, "lwt-free")
#define PH_CONFIG_CHOICES_tls_version(X) X(PH_CONFIG_TLS_1_2, "1.2") X(PH_CONFIG_TLS_1_3, "1.3")
#define PH_CONFIG_CHOICES_seccomp(X)        \
    X(PH_CONFIG_SECCOMP_ENFORCE, "enforce") \
    X(PH_CONFIG_SECCOMP_KILL, "kill")       \
    X(PH_CONFIG_SECCOMP_LOG, "log")         \
    X(PH_CONFIG_SECCOMP_OFF, "off")
/* Every set of choices; a new one is named here too. */
#define PH_CONFIG_CHOICE_SETS(SET) \
    SET(log_format)                \
    SET(log_level)                 \
    SET(protocol)                  \
    SET(listener_tls)              \
    SET(tls_version)               \
    SET(bare_newline) SET(page_bytes) SET(seccomp) SET(store_engine) SET(content) SET(cassandra_profile)

#define PH_CONFIG_ENUM_NAME(name, text) name,
#define PH_CONFIG_ENUM(set) enum ph_config_##set{PH_CONFIG_CHOICES_##set(PH_CONFIG_ENUM_NAME)};
PH_CONFIG_CHOICE_SETS(PH_CONFIG_ENUM)
#undef PH_CONFIG_ENUM
#undef PH_CONFIG_ENUM_NAME

#define PH_CONFIG_BEGIN(section, doc) struct ph_config_##section {
#define PH_CONFIG_END(section) \
    }                          \
    ;
#define PH_CONFIG_NUMBER(section, key, fallback, min, max, unit, reload, doc) unsigned key;
#define PH_CONFIG_OCTETS(section, key, fallback, min, max, reload, doc) uint64_t key;
#define PH_CONFIG_SWITCH(section, key, fallback, reload, doc) bool key;
#define PH_CONFIG_CHOICE(section, key, choices, fallback, reload, doc) enum ph_config_##choices key;
#define PH_CONFIG_TEXT(section, key, kind, fallback, reload, doc) char *key;
#define PH_CONFIG_TEXTS(section, key, kind, fallback, reload, doc) \
    char **key;                                                    \
    unsigned key##_count;
#define PH_CONFIG_INSIDE(section, key, inner) struct ph_config_##inner key;
#define PH_CONFIG_SEVERAL(section, key, inner, reload, doc) \
    struct ph_config_##inner *key;                          \
    unsigned key##_count;
#include "app/config.def"

/* One value as text, by its path ("listeners.0.address"): for comparing two configurations and for showing one. */
struct ph_config_setting {
    char *path;
    char *value;
    bool is_live; /* a reload takes it over */
};

struct ph_config {
    const struct ph_config_root *root;
    struct ph_config_setting *settings; /* in the order of the table */
    size_t setting_count;
};

/* Where a configuration comes from; all borrowed. */
struct ph_config_source {
    const char *path;
    const char *const *overrides; /* "key=value", key a dotted path, "listeners.0.address" */
    size_t override_count;
};

enum { PH_CONFIG_PROBLEMS_MAX = 65536 };

/* PH_EINVALID: PROBLEMS has a line for each thing that is wrong, `FILE:LINE: KEY: expected ..., found ...`.
 * PH_ENOTFOUND, PH_EDENIED, PH_EUNAVAILABLE: the file cannot be read, which ERR says. */
int ph_config_load(const struct ph_config_source *source, struct ph_config **out_config,
                   struct ph_buf *problems, struct ph_error *err) PH_MUST_USE;
void ph_config_free(struct ph_config **config);

/* Calls EACH for every setting of NOW that WAS did not have so, or the other way round: VALUE NULL is "not there". */
void ph_config_compare(const struct ph_config *was, const struct ph_config *now,
                       void (*each)(const struct ph_config_setting *setting, void *ctx), void *ctx);

#endif
