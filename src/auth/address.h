/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in their canonical form: one spelling for each address and each domain. ph_address_canonical and
 * ph_address_split are declared in auth/accounts.h, for everybody; this is what accounts need besides.
 *
 * The canonical form is a fixed point: canonical(canonical(x)) is canonical(x). Threads: any.
 */
#ifndef PH_AUTH_ADDRESS_H
#define PH_AUTH_ADDRESS_H

#include "base/arena.h"

enum { PH_ADDRESS_LOCAL_MAX = 64, PH_ADDRESS_DOMAIN_MAX = 255 };
enum { PH_ADDRESS_MAX = PH_ADDRESS_LOCAL_MAX + 1 + PH_ADDRESS_DOMAIN_MAX };

/* A domain name (no address literal, no trailing dot): lower case, U-labels. PH_EINVALID with the rule it breaks. */
int ph_domain_canonical(struct ph_bytes domain, struct ph_arena *arena, struct ph_bytes *out_domain,
                        struct ph_error *err) PH_MUST_USE;

#endif
