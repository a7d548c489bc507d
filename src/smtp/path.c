/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descent along the grammar of RFC 5321 section 4.1.2, with the wider atoms, quoted text and labels of RFC 6531
 * section 3.3. Every rule takes what it knows off the front of a cursor, or says no; nothing is passed over.
 */
#include "smtp/path.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/utf8.h"

struct cursor {
    struct ph_bytes in;
    struct ph_smtp_path *out; /* where the address is put together */
};

static int peek(const struct cursor *c)
{
    return c->in.len == 0 ? -1 : c->in.ptr[0];
}

static bool take(struct cursor *c, uint8_t octet)
{
    if (peek(c) != octet) {
        return false;
    }
    c->in = ph_bytes_from(c->in, 1);
    return true;
}

static bool put(struct cursor *c, const void *ptr, size_t len)
{
    if (len > sizeof c->out->address - c->out->len) {
        return false;
    }
    if (ptr == NULL || len == 0) {
        return true;
    }
    memcpy(c->out->address + c->out->len, ptr, len);
    c->out->len += len;
    return true;
}

static bool is_alnum(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_atext(int c)
{
    return is_alnum(c) || c >= 0x80 || (c > 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Sub-domain: letters, digits, inner hyphens; U-labels may be any UTF-8, IDNA is checked where domains are kept. */
static bool take_label(struct cursor *c)
{
    size_t len = 0;
    while (len < c->in.len && (is_alnum(c->in.ptr[len]) || c->in.ptr[len] == '-' || c->in.ptr[len] >= 0x80)) {
        len++;
    }
    if (len == 0 || len > PH_SMTP_LABEL_MAX || c->in.ptr[0] == '-' || c->in.ptr[len - 1] == '-') {
        return false;
    }
    bool has_room = put(c, c->in.ptr, len);
    c->in = ph_bytes_from(c->in, len);
    return has_room;
}

static bool take_domain(struct cursor *c)
{
    size_t start = c->out->len;
    if (!take_label(c)) {
        return false;
    }
    while (take(c, '.')) {
        if (!put(c, ".", 1) || !take_label(c)) {
            return false;
        }
    }
    return c->out->len - start <= PH_SMTP_DOMAIN_MAX;
}

/* What stands between the brackets of an address literal (RFC 5321 section 4.1.3). */
static bool is_literal(struct ph_bytes text)
{
    char name[INET6_ADDRSTRLEN + 1];
    struct in6_addr address;
    if (text.len == 0) {
        return false;
    }
    struct ph_bytes ipv6 = PH_BYTES("IPv6:");
    bool is_ipv6 = ph_bytes_istarts(text, ipv6);
    struct ph_bytes number = is_ipv6 ? ph_bytes_from(text, ipv6.len) : text;
    size_t colon = ph_bytes_find(text, ':');
    if (is_ipv6 || colon == text.len) {
        if (number.len == 0 || number.len >= sizeof name) {
            return false;
        }
        memcpy(name, number.ptr, number.len);
        name[number.len] = '\0';
        return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, name, &address) == 1;
    }
    /* General-address-literal: a tag, a colon and printable text. None is registered; none is local. */
    for (size_t i = 0; i < colon; i++) {
        if (!is_alnum(text.ptr[i]) && text.ptr[i] != '-') {
            return false;
        }
    }
    return colon > 0 && is_alnum(text.ptr[colon - 1]) && colon + 1 < text.len;
}

static bool take_literal(struct cursor *c)
{
    size_t close = ph_bytes_find(c->in, ']');
    struct ph_bytes text = ph_bytes_from(ph_bytes_first(c->in, close), 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 33 || text.ptr[i] > 126 || text.ptr[i] == '[' || text.ptr[i] == '\\') {
            return false;
        }
    }
    if (close == c->in.len || close + 1 > PH_SMTP_DOMAIN_MAX || !is_literal(text) ||
        !put(c, c->in.ptr, close + 1)) {
        return false;
    }
    c->in = ph_bytes_from(c->in, close + 1);
    return true;
}

/* Reads a quoted string into OUT without its quoting: at most what a local part may hold. */
static bool take_quoted(struct cursor *c, uint8_t out[PH_SMTP_LOCAL_MAX], size_t *out_len)
{
    size_t raw = 2;
    *out_len = 0;
    if (!take(c, '"')) {
        return false;
    }
    while (!take(c, '"')) {
        bool is_escaped = take(c, '\\');
        int octet = peek(c);
        if (octet < 32 || octet == 127 || (is_escaped && octet > 127)) {
            return false;
        }
        raw += is_escaped ? 2 : 1;
        if (raw > PH_SMTP_LOCAL_MAX) {
            return false;
        }
        out[(*out_len)++] = (uint8_t)octet;
        c->in = ph_bytes_from(c->in, 1);
    }
    return true;
}

static size_t dot_string_len(struct ph_bytes text)
{
    size_t len = 0;
    bool wants_atom = true;
    while (len < text.len && (is_atext(text.ptr[len]) || (text.ptr[len] == '.' && !wants_atom))) {
        wants_atom = text.ptr[len] == '.';
        len++;
    }
    return wants_atom ? 0 : len;
}

static bool put_local(struct cursor *c, struct ph_bytes local)
{
    if (local.len > 0 && dot_string_len(local) == local.len) {
        return put(c, local.ptr, local.len);
    }
    bool has_room = put(c, "\"", 1);
    for (size_t i = 0; i < local.len && has_room; i++) {
        bool is_special = local.ptr[i] == '"' || local.ptr[i] == '\\';
        has_room = (!is_special || put(c, "\\", 1)) && put(c, &local.ptr[i], 1);
    }
    return has_room && put(c, "\"", 1);
}

static bool take_local(struct cursor *c)
{
    if (peek(c) == '"') {
        uint8_t text[PH_SMTP_LOCAL_MAX];
        size_t len = 0;
        return take_quoted(c, text, &len) && put_local(c, (struct ph_bytes){text, len});
    }
    size_t len = dot_string_len(c->in);
    if (len == 0 || len > PH_SMTP_LOCAL_MAX || !put(c, c->in.ptr, len)) {
        return false;
    }
    c->in = ph_bytes_from(c->in, len);
    return true;
}

/* "@one.example,@two.example:" is read and forgotten. */
static bool take_source_route(struct cursor *c)
{
    if (peek(c) != '@') {
        return true;
    }
    do {
        if (!take(c, '@') || !take_domain(c)) {
            return false;
        }
        c->out->len = 0;
    } while (take(c, ','));
    return take(c, ':');
}

static bool take_mailbox(struct cursor *c)
{
    if (!take_source_route(c) || !take_local(c) || !take(c, '@') || !put(c, "@", 1)) {
        return false;
    }
    return peek(c) == '[' ? take_literal(c) : take_domain(c);
}

/* Behind the path comes the end or a blank, so that "<a@b.example>SIZE=1" is no path with a parameter. */
static bool take_end(struct cursor *c)
{
    return take(c, '>') && (c->in.len == 0 || peek(c) == ' ' || peek(c) == '\t');
}

static int finish(struct cursor *c, struct ph_bytes *rest)
{
    struct ph_bytes address = ph_smtp_path_address(c->out);
    c->out->is_utf8 = !ph_utf8_is_ascii(address);
    if (c->out->is_utf8 && !ph_utf8_is_valid(address)) {
        return PH_EINVALID;
    }
    *rest = c->in;
    return PH_OK;
}

int ph_smtp_parse_reverse_path(struct ph_bytes *rest, struct ph_smtp_path *out_path)
{
    struct cursor c = {*rest, out_path};
    out_path->len = 0;
    if (!take(&c, '<') || (peek(&c) != '>' && !take_mailbox(&c)) || !take_end(&c)) {
        return PH_EINVALID;
    }
    return finish(&c, rest);
}

int ph_smtp_parse_forward_path(struct ph_bytes *rest, struct ph_smtp_path *out_path)
{
    const struct ph_bytes postmaster = PH_BYTES("postmaster");
    struct cursor c = {*rest, out_path};
    out_path->len = 0;
    if (!take(&c, '<')) {
        return PH_EINVALID;
    }
    if (ph_bytes_istarts(c.in, PH_BYTES("postmaster>"))) {
        (void)put(&c, postmaster.ptr, postmaster.len);
        c.in = ph_bytes_from(c.in, postmaster.len);
    } else if (!take_mailbox(&c)) {
        return PH_EINVALID;
    }
    return take_end(&c) ? finish(&c, rest) : PH_EINVALID;
}
