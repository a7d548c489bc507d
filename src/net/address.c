/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

void ph_address_from_sockaddr(const struct sockaddr *addr, struct ph_address *out_address)
{
    *out_address = (struct ph_address){.family = PH_ADDRESS_UNIX};
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        out_address->family = PH_ADDRESS_IP;
        memcpy(out_address->ip, mapped_prefix, sizeof mapped_prefix);
        memcpy(out_address->ip + sizeof mapped_prefix, &in->sin_addr, 4);
        out_address->port = ntohs(in->sin_port);
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;
        out_address->family = PH_ADDRESS_IP;
        memcpy(out_address->ip, &in6->sin6_addr, 16);
        out_address->port = ntohs(in6->sin6_port);
    }
}

static bool is_mapped(const uint8_t ip[16])
{
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool ph_address_is_ipv4(const struct ph_address *address)
{
    return address->family == PH_ADDRESS_IP && is_mapped(address->ip);
}

void ph_address_format_ip(const struct ph_address *address, char *out)
{
    if (address->family == PH_ADDRESS_UNIX) {
        snprintf(out, PH_ADDRESS_TEXT_MAX, "unix");
    } else if (is_mapped(address->ip)) {
        inet_ntop(AF_INET, address->ip + sizeof mapped_prefix, out, PH_ADDRESS_TEXT_MAX);
    } else {
        inet_ntop(AF_INET6, address->ip, out, PH_ADDRESS_TEXT_MAX);
    }
}

void ph_address_format(const struct ph_address *address, char *out)
{
    char ip[PH_ADDRESS_TEXT_MAX];
    ph_address_format_ip(address, ip);
    if (address->family == PH_ADDRESS_UNIX) {
        snprintf(out, PH_ADDRESS_TEXT_MAX, "%s", ip);
    } else {
        bool is_v4 = is_mapped(address->ip);
        snprintf(out, PH_ADDRESS_TEXT_MAX, "%s%.46s%s:%u", is_v4 ? "" : "[", ip, is_v4 ? "" : "]",
                 address->port);
    }
}

void ph_address_format_literal(const struct ph_address *address, char *out)
{
    char ip[PH_ADDRESS_TEXT_MAX];
    ph_address_format_ip(address, ip);
    bool is_v6 = address->family == PH_ADDRESS_IP && !is_mapped(address->ip);
    snprintf(out, PH_ADDRESS_TEXT_MAX, "[%s%.46s]", is_v6 ? "IPv6:" : "", ip);
}

static bool parse_ip(const char *text, uint8_t out_ip[16], bool *out_is_v4)
{
    *out_is_v4 = inet_pton(AF_INET, text, out_ip + sizeof mapped_prefix) == 1;
    if (*out_is_v4) {
        memcpy(out_ip, mapped_prefix, sizeof mapped_prefix);
        return true;
    }
    return inet_pton(AF_INET6, text, out_ip) == 1;
}

static bool has_bits_behind(const uint8_t ip[16], unsigned prefix_bits)
{
    for (unsigned bit = prefix_bits; bit < 128; bit++) {
        if (((unsigned)ip[bit / 8] >> (7 - bit % 8)) & 1U) {
            return true;
        }
    }
    return false;
}

int ph_network_parse(const char *text, struct ph_network *out_network, struct ph_error *err)
{
    char ip_text[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct ph_network network = {.prefix_bits = 128};
    bool is_v4 = false;
    if (len >= sizeof ip_text) {
        return ph_fail(err, PH_EINVALID, "\"%.60s\" is not a network", text);
    }
    memcpy(ip_text, text, len);
    ip_text[len] = '\0';
    if (!parse_ip(ip_text, network.ip, &is_v4)) {
        return ph_fail(err, PH_EINVALID, "\"%.60s\" is not a network (192.0.2.0/24, 2001:db8::/32)", text);
    }
    if (slash != NULL) {
        uint64_t bits = 0;
        if (!ph_bytes_to_u64(ph_bytes_str(slash + 1), &bits) || bits > (is_v4 ? 32U : 128U)) {
            return ph_fail(err, PH_EINVALID, "\"%.60s\" has no valid prefix length", text);
        }
        network.prefix_bits = (uint8_t)(is_v4 ? bits + 96U : bits);
    }
    if (has_bits_behind(network.ip, network.prefix_bits)) {
        return ph_fail(err, PH_EINVALID, "\"%.60s\" has host bits set", text);
    }
    *out_network = network;
    return PH_OK;
}

bool ph_network_has(const struct ph_network *network, const struct ph_address *address)
{
    if (address->family != PH_ADDRESS_IP || (network->prefix_bits < 96 && is_mapped(address->ip))) {
        return false;
    }
    unsigned whole = network->prefix_bits / 8U;
    unsigned rest = network->prefix_bits % 8U;
    if (memcmp(network->ip, address->ip, whole) != 0) {
        return false;
    }
    return rest == 0 || ((network->ip[whole] ^ address->ip[whole]) >> (8U - rest)) == 0;
}

bool ph_networks_have(const struct ph_network *networks, size_t count, const struct ph_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (ph_network_has(&networks[i], address)) {
            return true;
        }
    }
    return false;
}
