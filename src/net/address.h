/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of peers and networks. IPv4 is kept mapped into IPv6 (::ffff:a.b.c.d), so that one comparison does.
 */
#ifndef PH_NET_ADDRESS_H
#define PH_NET_ADDRESS_H

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/error.h"

enum ph_address_family { PH_ADDRESS_IP, PH_ADDRESS_UNIX };
enum { PH_ADDRESS_TEXT_MAX = 64 };

struct ph_address {
    uint8_t ip[16]; /* zero for a unix socket */
    uint16_t port;
    uint8_t family; /* enum ph_address_family */
};

struct ph_network {
    uint8_t ip[16];
    uint8_t prefix_bits; /* 0 to 128, of the mapped form */
};

void ph_address_from_sockaddr(const struct sockaddr *addr, struct ph_address *out_address);
bool ph_address_is_ipv4(const struct ph_address *address);
/* "192.0.2.1", "2001:db8::1" or "unix"; OUT has PH_ADDRESS_TEXT_MAX octets. */
void ph_address_format_ip(const struct ph_address *address, char *out);
/* "192.0.2.1:25", "[2001:db8::1]:25" or "unix". */
void ph_address_format(const struct ph_address *address, char *out);
/* As RFC 5321 section 4.1.3 writes it: "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
void ph_address_format_literal(const struct ph_address *address, char *out);

/* "192.0.2.0/24", "2001:db8::/32", or one address. PH_EINVALID for anything else, host bits set included. "::/0" is
 * all of IPv6 and nothing of IPv4, whatever the mapped form suggests. */
int ph_network_parse(const char *text, struct ph_network *out_network, struct ph_error *err) PH_MUST_USE;
bool ph_network_has(const struct ph_network *network, const struct ph_address *address);
bool ph_networks_have(const struct ph_network *networks, size_t count, const struct ph_address *address);

#endif
