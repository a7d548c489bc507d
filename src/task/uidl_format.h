/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a server makes the UIDL of a message, in the notation of Dovecot's setting pop3_uidl_format: %u is the UID, %v
 * the UIDVALIDITY, %f the base name of the file, %g the GUID, %% a percent sign. Numbers take a width, padded with zeros
 * if it begins with 0, and X for hexadecimal (in small letters): "%08Xu%08Xv" is Dovecot's default.
 */
#ifndef PH_TASK_UIDL_FORMAT_H
#define PH_TASK_UIDL_FORMAT_H

#include "base/buf.h"

#define PH_UIDL_FORMAT_DOVECOT "%08Xu%08Xv"

enum { PH_UIDL_MAX = 70 }; /* RFC 1939 section 7 */

struct ph_uidl_parts {
    uint64_t uid; /* 0: not known */
    uint32_t uid_validity;
    struct ph_bytes file;
    struct ph_bytes guid;
};

/* PH_EINVALID: a variable that we do not know. */
int ph_uidl_format_check(const char *format, struct ph_error *err) PH_MUST_USE;
/* Appends the UIDL. False where a part that it needs is not known, or what comes out is no UIDL; OUT is then empty. */
bool ph_uidl_format_put(const char *format, const struct ph_uidl_parts *parts, struct ph_buf *out);

/* 1 to 70 octets from 0x21 to 0x7E. */
bool ph_uidl_is_valid(struct ph_bytes uidl);

#endif
