/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the DNS must say: where the host is, that it takes the domain's mail (MX) and alone sends it (SPF, RFC 7208), where
 * mail programs find the services (SRV, RFC 6186 and 8314), and the key for those who check it (TLSA, RFC 7672).
 */
#include <ifaddrs.h>
#include <netinet/in.h>

#include "app/init.h"

/* Addresses that the world may reach; those behind a translator are not known here. */
static bool is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        uint32_t ip = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        return ip >> 24 != 127 && ip >> 24 != 10 && ip >> 20 != 0xAC1 && ip >> 16 != 0xC0A8 &&
               ip >> 16 != 0xA9FE && ip >> 22 != 0x191; /* 100.64/10 */
    }
    const struct in6_addr *ip = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return (ip->s6_addr[0] & 0xE0) == 0x20; /* 2000::/3 */
}

static size_t add_addresses(const char *hostname, struct ph_buf *lines)
{
    struct ifaddrs *list = NULL;
    size_t count = 0;
    if (getifaddrs(&list) != 0) {
        return 0;
    }
    for (const struct ifaddrs *one = list; one != NULL; one = one->ifa_next) {
        int family = one->ifa_addr == NULL ? AF_UNSPEC : one->ifa_addr->sa_family;
        if ((family != AF_INET && family != AF_INET6) || !is_public(one->ifa_addr)) {
            continue;
        }
        char text[INET6_ADDRSTRLEN];
        const void *ip =
            family == AF_INET
                ? (const void *)&((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr
                : (const void *)&((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr;
        if (inet_ntop(family, ip, text, sizeof text) != NULL) {
            ph_buf_printf(lines, "%s. IN %s %s\n", hostname, family == AF_INET ? "A" : "AAAA", text);
            count++;
        }
    }
    freeifaddrs(list);
    return count;
}

void ph_init_records(const struct ph_init_plan *plan, const char *digest, struct ph_buf *lines)
{
    if (add_addresses(plan->hostname, lines) == 0) {
        ph_buf_printf(lines, "; %s. IN A and AAAA: the addresses at which the world reaches this host\n",
                      plan->hostname);
    }
    if (plan->domain[0] != '\0') {
        ph_buf_printf(lines, "%s. IN MX 10 %s.\n", plan->domain, plan->hostname);
        ph_buf_printf(lines, "%s. IN TXT \"v=spf1 mx -all\"\n", plan->domain);
        for (unsigned i = 0; i < PH_INIT_SERVICE_COUNT; i++) {
            const char *record = ph_init_services[i].record;
            if (record != NULL && plan->ports[i] != PH_INIT_NO_PORT) {
                /* The one with TLS from the first octet is preferred, as RFC 8314 wants. */
                bool is_implicit = strcmp(ph_init_services[i].tls, "implicit") == 0;
                ph_buf_printf(lines, "%s._tcp.%s. IN SRV %d 1 %d %s.\n", record, plan->domain,
                              is_implicit ? 0 : 10, plan->ports[i], plan->hostname);
            } else if (record != NULL) {
                ph_buf_printf(lines, "%s._tcp.%s. IN SRV 0 0 0 .\n", record, plan->domain);
            }
        }
    }
    if (digest[0] != '\0' && plan->ports[PH_INIT_SMTP] != PH_INIT_NO_PORT) {
        ph_buf_printf(lines, "_%d._tcp.%s. IN TLSA 3 1 1 %s\n", plan->ports[PH_INIT_SMTP], plan->hostname,
                      digest);
    }
}
