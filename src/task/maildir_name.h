/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files in a Maildir: "1700000000.M1P2.host,S=1234:2,FSab". Before the colon the base name, which stays; behind
 * it the flags: capital letters are IMAP's, small ones stand for keywords (see task/dovecot_keywords.h).
 * A pure parser. https://cr.yp.to/proto/maildir.html
 */
#ifndef PH_TASK_MAILDIR_NAME_H
#define PH_TASK_MAILDIR_NAME_H

#include "base/buf.h"

enum { PH_MAILDIR_NAME_MAX = 255, PH_MAILDIR_KEYWORDS = 26 };

struct ph_maildir_name {
    struct ph_bytes base;
    unsigned flags;       /* of enum ph_flag, without RECENT */
    uint32_t keywords;    /* bit 0 is 'a' */
    bool is_passed;       /* 'P': sent on to somebody else */
    uint64_t delivered_s; /* Unix time at the front of the name; 0: none that can be */
};

/* False for what is no message: empty, or beginning with a dot. */
bool ph_maildir_name_parse(struct ph_bytes name, struct ph_maildir_name *out_name);

/* Appends ":2," and the letters, in ASCII order. */
void ph_maildir_name_put_info(struct ph_buf *out, unsigned flags, uint32_t keywords);

#endif
