/* SPDX-License-Identifier: Apache-2.0 */
/* The header fields that a summary knows by name, and what it does with each. */
#ifndef PH_MIME_FIELD_NAMES_H
#define PH_MIME_FIELD_NAMES_H

#include "base/bytes.h"

enum {
    PH_FIELD_LISTED = 1 << 0,   /* in the column `envelope` */
    PH_FIELD_ENVELOPE = 1 << 1, /* in IMAP's ENVELOPE */
    PH_FIELD_MIME = 1 << 2,     /* describes the part */
};

enum ph_field_id {
    PH_FIELD_OTHER, /* known, but nothing is read from it here */
    PH_FIELD_CONTENT_TYPE,
    PH_FIELD_CONTENT_ENCODING,
    PH_FIELD_CONTENT_ID,
    PH_FIELD_CONTENT_DESCRIPTION,
    PH_FIELD_CONTENT_DISPOSITION,
    PH_FIELD_CONTENT_MD5,
    PH_FIELD_CONTENT_LANGUAGE,
    PH_FIELD_CONTENT_LOCATION,
    PH_FIELD_IDS,
};

struct ph_field_name {
    const char *name;
    enum ph_field_id id;
    unsigned uses;
};

/* NULL: none of these. */
const struct ph_field_name *ph_field_name_find(struct ph_bytes name);

#endif
