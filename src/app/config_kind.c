/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_kind.h"

#include <sys/un.h>

#include "net/address.h"

static bool is_hostname(struct ph_bytes text)
{
    if (text.len == 0 || text.len > 255) {
        return false;
    }
    size_t label = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '.') {
            if (label == 0 || text.ptr[i - 1] == '-') {
                return false;
            }
            label = 0;
        } else if (!(is_alnum || (c == '-' && label > 0)) || ++label > 63) {
            return false;
        }
    }
    return label > 0 && text.ptr[text.len - 1] != '-';
}

static bool is_printable(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool is_path(struct ph_bytes text)
{
    return text.len > 0 && text.len < 4000 && text.ptr[0] == '/' && is_printable(text);
}

static bool is_network(struct ph_bytes text)
{
    char copy[PH_ADDRESS_TEXT_MAX];
    struct ph_network network;
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return strlen(copy) == text.len && ph_network_parse(copy, &network, NULL) == PH_OK;
}

/* "IP:PORT" or "[IPv6]:PORT". */
static bool is_ip_and_port(struct ph_bytes text)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 0;
    if (colon < 2 || !ph_bytes_to_u64(ph_bytes_from(text, colon), &port) || port > 65535) {
        return false;
    }
    struct ph_bytes ip = ph_bytes_first(text, colon - 1);
    bool is_bracketed = ip.len > 2 && ip.ptr[0] == '[' && ip.ptr[ip.len - 1] == ']';
    if (is_bracketed) {
        ip = ph_bytes_of(ip.ptr + 1, ip.len - 2);
    }
    bool has_colon = ph_bytes_find(ip, ':') < ip.len;
    bool has_slash = ph_bytes_find(ip, '/') < ip.len;
    return has_colon == is_bracketed && !has_slash && is_network(ip);
}

static bool is_address(struct ph_bytes text)
{
    if (ph_bytes_starts(text, PH_BYTES("unix:"))) {
        struct ph_bytes path = ph_bytes_from(text, 5);
        return is_path(path) && path.len < sizeof((struct sockaddr_un *)NULL)->sun_path;
    }
    return is_ip_and_port(text);
}

static bool is_mode(struct ph_bytes text)
{
    if (text.len != 4 || text.ptr[0] != '0') {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7') {
            return false;
        }
    }
    return true;
}

static bool is_separator(struct ph_bytes text)
{
    return text.len == 0 || (text.len == 1 && strchr("+-_=!#%&~", text.ptr[0]) != NULL);
}

/* Whether it is a user's name, the store will say. */
static bool is_mailbox(struct ph_bytes text)
{
    size_t at = ph_bytes_find(text, '@');
    return text.len == 0 || (at > 0 && at + 1 < text.len && is_printable(text));
}

static bool is_file(struct ph_bytes text)
{
    return text.len == 0 || is_path(text);
}

/* A name or an IPv4 address, with a port or without; an IPv6 address in brackets. */
static bool is_node(struct ph_bytes text)
{
    struct ph_bytes host = text;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = ph_bytes_find(text, ']');
        struct ph_bytes ip = ph_bytes_of(text.ptr + 1, end - 1);
        if (end == text.len || ph_bytes_find(ip, ':') == ip.len || ph_bytes_find(ip, '/') < ip.len ||
            !is_network(ip)) {
            return false;
        }
        host = ph_bytes_from(text, end + 1);
        if (host.len == 0) {
            return true;
        }
        if (host.ptr[0] != ':') {
            return false;
        }
    }
    size_t colon = ph_bytes_find(host, ':');
    uint64_t port = 9042;
    bool is_port = colon == host.len ||
                   (ph_bytes_to_u64(ph_bytes_from(host, colon + 1), &port) && port > 0 && port <= 65535);
    return is_port && (host.ptr != text.ptr || is_hostname(ph_bytes_first(host, colon)));
}

static bool is_keyspace(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '_'))) {
            return false;
        }
    }
    return text.len > 0 && text.len <= 48;
}

static const struct {
    bool (*is_valid)(struct ph_bytes text);
    const char *what;
} kinds[] = {
    [PH_CONFIG_KIND_HOSTNAME] = {is_hostname, "a host name"},
    [PH_CONFIG_KIND_PATH] = {is_path, "an absolute path"},
    [PH_CONFIG_KIND_ADDRESS] = {is_address,
                                "an address as 192.0.2.1:25, [2001:db8::1]:25 or unix:/run/example.sock"},
    [PH_CONFIG_KIND_NETWORK] = {is_network, "a network as 192.0.2.0/24 or 2001:db8::/32, or one address"},
    [PH_CONFIG_KIND_MODE] = {is_mode, "permissions in octal as 0660"},
    [PH_CONFIG_KIND_SEPARATOR] = {is_separator, "one of + - _ = ! # % & ~, or \"\""},
    [PH_CONFIG_KIND_MAILBOX] = {is_mailbox, "an address as user@example.org, or \"\""},
    [PH_CONFIG_KIND_LINE] = {is_printable, "one line of text"},
    [PH_CONFIG_KIND_FILE] = {is_file, "an absolute path, or \"\""},
    [PH_CONFIG_KIND_NODE] = {is_node, "a node as 192.0.2.1, db1.example.org:9042 or [2001:db8::1]:9042"},
    [PH_CONFIG_KIND_KEYSPACE] = {is_keyspace, "a keyspace: lower case letters, digits and _, a letter first"},
};

bool ph_config_kind_has(enum ph_config_kind kind, struct ph_bytes text)
{
    return kinds[kind].is_valid(text);
}

const char *ph_config_kind_name(enum ph_config_kind kind)
{
    return kinds[kind].what;
}
