/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values that cross the statement layer. Text and blobs are borrowed views. NULL is a type of its own and
 * never reads as zero or empty.
 */
#ifndef PH_DB_VALUE_H
#define PH_DB_VALUE_H

#include "base/bytes.h"
#include "base/uuid.h"

enum ph_value_type {
    PH_VALUE_NULL,
    PH_VALUE_I64,
    PH_VALUE_BOOL,
    PH_VALUE_TEXT,
    PH_VALUE_BLOB,
    PH_VALUE_UUID,
    PH_VALUE_TIME
};

struct ph_value {
    enum ph_value_type type;
    union {
        int64_t i64;           /* I64; BOOL as 0 or 1; TIME as milliseconds of Unix time */
        struct ph_bytes bytes; /* TEXT, BLOB */
        struct ph_uuid uuid;
    };
};

static inline struct ph_value ph_null(void)
{
    return (struct ph_value){.type = PH_VALUE_NULL};
}
static inline struct ph_value ph_i64(int64_t value)
{
    return (struct ph_value){.type = PH_VALUE_I64, .i64 = value};
}
static inline struct ph_value ph_bool(bool value)
{
    return (struct ph_value){.type = PH_VALUE_BOOL, .i64 = value ? 1 : 0};
}
static inline struct ph_value ph_time_ms(int64_t unix_ms)
{
    return (struct ph_value){.type = PH_VALUE_TIME, .i64 = unix_ms};
}
static inline struct ph_value ph_text(struct ph_bytes text)
{
    return (struct ph_value){.type = PH_VALUE_TEXT, .bytes = text};
}
static inline struct ph_value ph_text_str(const char *text)
{
    return ph_text(ph_bytes_str(text));
}
static inline struct ph_value ph_blob(struct ph_bytes bytes)
{
    return (struct ph_value){.type = PH_VALUE_BLOB, .bytes = bytes};
}
static inline struct ph_value ph_uuid_value(const struct ph_uuid *uuid)
{
    return (struct ph_value){.type = PH_VALUE_UUID, .uuid = *uuid};
}

#endif
