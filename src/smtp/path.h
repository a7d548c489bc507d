/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of MAIL and RCPT: `<` [source route] mailbox `>`, the null path `<>`, and `<Postmaster>`.
 *
 * A parsed path is a value of its own and points into nothing. The address in it is normal: a local part is quoted
 * only where it must be, so that all quoted forms of one are the same octets (RFC 5321 section 4.1.2); a source
 * route is dropped (section 4.1.1.3). Case is left as it came.
 */
#ifndef PH_SMTP_PATH_H
#define PH_SMTP_PATH_H

#include "base/bytes.h"
#include "base/error.h"

/* RFC 5321 section 4.5.3.1; in octets, as RFC 6531 counts too. */
enum { PH_SMTP_LOCAL_MAX = 64, PH_SMTP_DOMAIN_MAX = 255, PH_SMTP_LABEL_MAX = 63 };
enum { PH_SMTP_ADDRESS_MAX = PH_SMTP_LOCAL_MAX + 1 + PH_SMTP_DOMAIN_MAX };

struct ph_smtp_path {
    uint8_t address[PH_SMTP_ADDRESS_MAX];
    size_t len;   /* 0 for the null path */
    bool is_utf8; /* octets above 127, valid UTF-8 */
};

static inline struct ph_bytes ph_smtp_path_address(const struct ph_smtp_path *path)
{
    return (struct ph_bytes){path->address, path->len};
}

/* Takes a path off the front of *REST. PH_EINVALID: the syntax or a size. */
int ph_smtp_parse_reverse_path(struct ph_bytes *rest, struct ph_smtp_path *out_path) PH_MUST_USE;
/* Never the null path; "<Postmaster>" in any case gives the address "postmaster". */
int ph_smtp_parse_forward_path(struct ph_bytes *rest, struct ph_smtp_path *out_path) PH_MUST_USE;

#endif
