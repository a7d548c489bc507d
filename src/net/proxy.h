/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of the PROXY protocol, version 1 (text) and 2 (binary): who is behind the load balancer.
 * A pure parser: octets in; a result, need-more or an error out.
 * Source: the HAProxy PROXY protocol specification, versions 1 & 2.
 */
#ifndef PH_NET_PROXY_H
#define PH_NET_PROXY_H

#include "net/address.h"

enum { PH_PROXY_HEADER_MAX = 4096 };

struct ph_proxy_header {
    bool is_local; /* LOCAL or UNKNOWN: keep the addresses of the socket */
    struct ph_address source;
    struct ph_address destination;
};

/* Returns the header's length; 0 if more octets are needed; PH_EINVALID for what is no header (also where more
 * than PH_PROXY_HEADER_MAX would be needed). */
int ph_proxy_parse(struct ph_bytes input, struct ph_proxy_header *out_header);

#endif
