/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of config.def as data, for those who check, complete or describe a configuration.
 */
#ifndef PH_APP_CONFIG_TABLE_H
#define PH_APP_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum ph_config_type {
    PH_CONFIG_TYPE_NUMBER,
    PH_CONFIG_TYPE_SWITCH,
    PH_CONFIG_TYPE_CHOICE,
    PH_CONFIG_TYPE_TEXT,
    PH_CONFIG_TYPE_TEXTS,
    PH_CONFIG_TYPE_INSIDE,
    PH_CONFIG_TYPE_SEVERAL,
};

/* What a text must be. */
enum ph_config_kind {
    PH_CONFIG_KIND_HOSTNAME,  /* letters, digits, hyphens and dots */
    PH_CONFIG_KIND_PATH,      /* absolute */
    PH_CONFIG_KIND_ADDRESS,   /* IP:PORT, [IPv6]:PORT, unix:/PATH */
    PH_CONFIG_KIND_NETWORK,   /* ADDRESS/BITS, or one address */
    PH_CONFIG_KIND_MODE,      /* 0660 */
    PH_CONFIG_KIND_SEPARATOR, /* one character, or none */
    PH_CONFIG_KIND_MAILBOX,   /* user@example.org, or nothing */
    PH_CONFIG_KIND_LINE,      /* printable, one line */
    PH_CONFIG_KIND_FILE,      /* absolute, or nothing */
    PH_CONFIG_KIND_NODE,      /* HOST, HOST:PORT, [IPv6]:PORT */
    PH_CONFIG_KIND_KEYSPACE,  /* of Cassandra: lower case letters, digits and _ */
};

struct ph_config_section;

struct ph_config_key {
    const char *name;
    enum ph_config_type type;
    enum ph_config_kind kind; /* of TEXT and TEXTS */
    const char *fallback;     /* as in a file; NULL: required (never for INSIDE and SEVERAL) */
    uint64_t min;             /* of NUMBER */
    uint64_t max;
    const char *unit;                      /* "" for none */
    const char *const *choices;            /* of CHOICE, with NULL behind the last */
    const struct ph_config_section *inner; /* of INSIDE and SEVERAL */
    bool is_live;
    const char *doc; /* NULL for INSIDE: see the section's */
};

struct ph_config_section {
    const char *name;
    const char *doc;
    const struct ph_config_key *keys;
    size_t key_count;
};

/* The whole file. */
extern const struct ph_config_section *const ph_config_table;

const struct ph_config_key *ph_config_key_find(const struct ph_config_section *section, struct ph_bytes name);

#endif
