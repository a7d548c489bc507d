/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t v2_signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum {
    V1_MAX = 107, /* with CR LF */
    V2_FIXED = 16,
    V2_COMMAND_LOCAL = 0x20,
    V2_COMMAND_PROXY = 0x21,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
};

static bool v1_endpoint(int family, struct ph_bytes ip_text, struct ph_bytes port_text,
                        struct ph_address *out)
{
    char ip[INET6_ADDRSTRLEN];
    uint64_t port = 0;
    if (ip_text.len == 0 || ip_text.len >= sizeof ip || ph_bytes_find(ip_text, '\0') < ip_text.len ||
        !ph_bytes_to_u64(port_text, &port) || port > UINT16_MAX) {
        return false;
    }
    memcpy(ip, ip_text.ptr, ip_text.len);
    ip[ip_text.len] = '\0';
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } addr = {.any = {.sa_family = (sa_family_t)family}};
    void *at = family == AF_INET ? (void *)&addr.in.sin_addr : (void *)&addr.in6.sin6_addr;
    if (inet_pton(family, ip, at) != 1) {
        return false;
    }
    ph_address_from_sockaddr(&addr.any, out);
    out->port = (uint16_t)port;
    return true;
}

/* Fields stand apart by exactly one blank. */
static struct ph_bytes next_field(struct ph_bytes *rest)
{
    size_t end = ph_bytes_find(*rest, ' ');
    struct ph_bytes field = ph_bytes_first(*rest, end);
    *rest = ph_bytes_from(*rest, end + 1);
    return field;
}

static int parse_v1(struct ph_bytes input, struct ph_proxy_header *out)
{
    size_t end = ph_bytes_find_crlf(ph_bytes_first(input, V1_MAX));
    if (end >= V1_MAX || end == input.len) {
        return input.len < V1_MAX ? 0 : PH_EINVALID;
    }
    struct ph_bytes rest = ph_bytes_first(input, end);
    (void)next_field(&rest); /* PROXY */
    struct ph_bytes protocol = next_field(&rest);
    if (ph_bytes_eq(protocol, PH_BYTES("UNKNOWN"))) {
        out->is_local = true;
        return (int)end + 2;
    }
    int family = ph_bytes_eq(protocol, PH_BYTES("TCP4")) ? AF_INET : AF_INET6;
    if (family == AF_INET6 && !ph_bytes_eq(protocol, PH_BYTES("TCP6"))) {
        return PH_EINVALID;
    }
    struct ph_bytes source = next_field(&rest);
    struct ph_bytes destination = next_field(&rest);
    struct ph_bytes source_port = next_field(&rest);
    if (!v1_endpoint(family, source, source_port, &out->source) ||
        !v1_endpoint(family, destination, rest, &out->destination)) {
        return PH_EINVALID;
    }
    return (int)end + 2;
}

static void v2_endpoint(int family, const uint8_t *ip, const uint8_t *port, struct ph_address *out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } addr = {.any = {.sa_family = (sa_family_t)family}};
    if (family == AF_INET) {
        memcpy(&addr.in.sin_addr, ip, 4);
    } else {
        memcpy(&addr.in6.sin6_addr, ip, 16);
    }
    ph_address_from_sockaddr(&addr.any, out);
    out->port = (uint16_t)(port[0] << 8 | port[1]);
}

static int parse_v2(struct ph_bytes input, struct ph_proxy_header *out)
{
    if (input.len < V2_FIXED) {
        return 0;
    }
    size_t len = (size_t)(input.ptr[14] << 8 | input.ptr[15]);
    uint8_t command = input.ptr[12];
    uint8_t family = input.ptr[13];
    size_t addresses = family == V2_TCP4 ? 12 : family == V2_TCP6 ? 36 : 0;
    if ((command != V2_COMMAND_LOCAL && command != V2_COMMAND_PROXY) ||
        len > PH_PROXY_HEADER_MAX - V2_FIXED || (command == V2_COMMAND_PROXY && len < addresses)) {
        return PH_EINVALID;
    }
    if (input.len < V2_FIXED + len) {
        return 0;
    }
    const uint8_t *at = input.ptr + V2_FIXED;
    /* UNSPEC, datagram and unix say nothing of who the peer is. */
    out->is_local = command == V2_COMMAND_LOCAL || addresses == 0;
    if (!out->is_local && family == V2_TCP4) {
        v2_endpoint(AF_INET, at, at + 8, &out->source);
        v2_endpoint(AF_INET, at + 4, at + 10, &out->destination);
    } else if (!out->is_local) {
        v2_endpoint(AF_INET6, at, at + 32, &out->source);
        v2_endpoint(AF_INET6, at + 16, at + 34, &out->destination);
    }
    return (int)(V2_FIXED + len);
}

int ph_proxy_parse(struct ph_bytes input, struct ph_proxy_header *out_header)
{
    *out_header = (struct ph_proxy_header){0};
    struct ph_bytes v1_start = PH_BYTES("PROXY ");
    struct ph_bytes v2_start = ph_bytes_of(v2_signature, sizeof v2_signature);
    size_t common1 = input.len < v1_start.len ? input.len : v1_start.len;
    size_t common2 = input.len < v2_start.len ? input.len : v2_start.len;
    if (ph_bytes_eq(ph_bytes_first(input, common1), ph_bytes_first(v1_start, common1))) {
        return common1 < v1_start.len ? 0 : parse_v1(input, out_header);
    }
    if (ph_bytes_eq(ph_bytes_first(input, common2), ph_bytes_first(v2_start, common2))) {
        return common2 < v2_start.len ? 0 : parse_v2(input, out_header);
    }
    return PH_EINVALID;
}
