/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5321 sections 4.1.2, 4.1.3 and 4.5.3.1, RFC 6531 section 3.3 for what is not ASCII, RFC 5891 for domains.
 *
 * Local part: normalization form C first, because it can turn a character into ASCII (the Kelvin sign into K);
 * then quotes off where they are not needed, so that "bob"@ and bob@ are one; then ASCII letters lower case; then
 * form C again, because a lower-case letter may compose with a mark where its upper case does not (h with macron
 * below).
 * Domain: pure ASCII without A-labels takes the short way; everything else goes to A-labels, is checked
 * there as the host name it must be, and comes back as U-labels.
 */
#include "auth/address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>

#include "auth/accounts.h"
#include "auth/unicode.h"
#include "base/utf8.h"

enum { LABEL_MAX = 63 };

bool ph_address_split(struct ph_bytes address, struct ph_bytes *out_local, struct ph_bytes *out_domain)
{
    for (size_t at = address.len; at > 0; at--) {
        if (address.ptr[at - 1] == '@') {
            *out_local = ph_bytes_first(address, at - 1);
            *out_domain = ph_bytes_from(address, at);
            return true;
        }
    }
    return false;
}

/* ---- Domain ---- */

static bool is_let_dig(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* NAME is lower case already. RFC 5321: sub-domain = Let-dig [Ldh-str]. */
static bool is_host_name(struct ph_bytes name)
{
    size_t label = 0; /* where the label at hand begins */
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.ptr[i] != '.') {
            if (!is_let_dig(name.ptr[i]) && name.ptr[i] != '-') {
                return false;
            }
            continue;
        }
        if (i == label || i - label > LABEL_MAX || name.ptr[label] == '-' || name.ptr[i - 1] == '-') {
            return false;
        }
        label = i + 1;
    }
    return true;
}

static bool has_a_label(struct ph_bytes name)
{
    for (size_t i = 0; i + 4 <= name.len; i++) {
        if ((i == 0 || name.ptr[i - 1] == '.') && memcmp(name.ptr + i, "xn--", 4) == 0) {
            return true;
        }
    }
    return false;
}

static struct ph_bytes lower(struct ph_bytes text, struct ph_arena *arena)
{
    uint8_t *copy = ph_arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = (uint8_t)ph_ascii_lower((char)text.ptr[i]);
    }
    copy[text.len] = '\0';
    return ph_bytes_of(copy, text.len);
}

static int domain_by_labels(struct ph_bytes domain, struct ph_arena *arena, struct ph_bytes *out_domain,
                            struct ph_error *err)
{
    uint8_t *ascii = NULL;
    char *unicode = NULL;
    const uint8_t *text = (const uint8_t *)ph_arena_strdup(arena, domain);
    int status =
        idn2_lookup_u8(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);
    if (status == IDN2_OK) {
        status = idn2_to_unicode_8z8z((const char *)ascii, &unicode, 0);
    }
    int result = PH_OK;
    if (status != IDN2_OK) {
        result = ph_fail(err, PH_EINVALID, "domain: %s", idn2_strerror(status));
    } else if (!is_host_name(ph_bytes_str((const char *)ascii))) {
        result = ph_fail(err, PH_EINVALID, "domain is not a host name");
    } else if (strlen(unicode) > PH_ADDRESS_DOMAIN_MAX) {
        result = ph_fail(err, PH_EINVALID, "domain longer than %d octets", PH_ADDRESS_DOMAIN_MAX);
    } else {
        *out_domain = ph_arena_bytes(arena, ph_bytes_str(unicode));
    }
    idn2_free(ascii);
    idn2_free(unicode);
    return result;
}

int ph_domain_canonical(struct ph_bytes domain, struct ph_arena *arena, struct ph_bytes *out_domain,
                        struct ph_error *err)
{
    if (domain.len == 0) {
        return ph_fail(err, PH_EINVALID, "domain is empty");
    }
    if (domain.len > PH_ADDRESS_DOMAIN_MAX) {
        return ph_fail(err, PH_EINVALID, "domain longer than %d octets", PH_ADDRESS_DOMAIN_MAX);
    }
    if (!ph_utf8_is_valid(domain) || ph_bytes_find(domain, 0) < domain.len) {
        return ph_fail(err, PH_EINVALID, "domain is not UTF-8 or holds NUL");
    }
    struct ph_bytes name = lower(domain, arena);
    if (!ph_utf8_is_ascii(name) || has_a_label(name)) {
        return domain_by_labels(name, arena, out_domain, err);
    }
    if (!is_host_name(name)) {
        return ph_fail(err, PH_EINVALID, "domain is not a host name");
    }
    *out_domain = name;
    return PH_OK;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
static int literal_canonical(struct ph_bytes literal, struct ph_arena *arena, struct ph_bytes *out_domain,
                             struct ph_error *err)
{
    uint8_t ip[16];
    char text[INET6_ADDRSTRLEN];
    if (literal.len >= 2 && literal.ptr[literal.len - 1] == ']') {
        struct ph_bytes inner = ph_bytes_of(literal.ptr + 1, literal.len - 2);
        bool is_v6 = ph_bytes_istarts(inner, PH_BYTES("IPv6:"));
        const char *digits = ph_arena_strdup(arena, is_v6 ? ph_bytes_from(inner, 5) : inner);
        int family = is_v6 ? AF_INET6 : AF_INET;
        if (ph_bytes_find(inner, 0) == inner.len && inet_pton(family, digits, ip) == 1 &&
            inet_ntop(family, ip, text, sizeof text) != NULL) {
            *out_domain = ph_bytes_str(ph_arena_printf(arena, "[%s%s]", is_v6 ? "ipv6:" : "", text));
            return PH_OK;
        }
    }
    return ph_fail(err, PH_EINVALID, "address literal is malformed");
}

/* ---- Local part ---- */

static bool is_atext(uint8_t c)
{
    return c >= 0x80 || is_let_dig(c) || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_string(struct ph_bytes text)
{
    bool is_atom_open = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' ? !is_atom_open : !is_atext(text.ptr[i])) {
            return false;
        }
        is_atom_open = text.ptr[i] != '.';
    }
    return is_atom_open;
}

/* What a Quoted-string means, without quotes and backslashes; false where it is none. */
static bool unquote(struct ph_bytes quoted, struct ph_arena *arena, struct ph_bytes *out_content)
{
    if (quoted.len < 2 || quoted.ptr[0] != '"' || quoted.ptr[quoted.len - 1] != '"') {
        return false;
    }
    uint8_t *content = ph_arena_alloc(arena, quoted.len);
    size_t len = 0;
    size_t end = quoted.len - 1;
    for (size_t i = 1; i < end; i++) {
        uint8_t c = quoted.ptr[i];
        if (c == '\\') {
            i++;
            if (i == end || quoted.ptr[i] >= 0x80) {
                return false;
            }
            c = quoted.ptr[i];
        } else if (c == '"') {
            return false;
        }
        content[len++] = c;
    }
    *out_content = ph_bytes_of(content, len);
    return true;
}

static struct ph_bytes quote(struct ph_bytes content, struct ph_arena *arena)
{
    uint8_t *quoted = ph_arena_alloc(arena, content.len * 2 + 2);
    size_t len = 0;
    quoted[len++] = '"';
    for (size_t i = 0; i < content.len; i++) {
        if (content.ptr[i] == '"' || content.ptr[i] == '\\') {
            quoted[len++] = '\\';
        }
        quoted[len++] = content.ptr[i];
    }
    quoted[len++] = '"';
    return ph_bytes_of(quoted, len);
}

/* LOCAL is in normalization form C. */
static int local_canonical(struct ph_bytes local, struct ph_arena *arena, struct ph_bytes *out_local,
                           struct ph_error *err)
{
    if (local.len == 0) {
        return ph_fail(err, PH_EINVALID, "local part is empty");
    }
    if (ph_unicode_has_unsafe(local)) {
        return ph_fail(err, PH_EINVALID, "local part holds a control character");
    }
    struct ph_bytes content = local;
    if (local.ptr[0] == '"' ? !unquote(local, arena, &content) : !is_dot_string(local)) {
        return ph_fail(err, PH_EINVALID, "local part is neither a dot-string nor a quoted string");
    }
    content = ph_unicode_nfc(lower(content, arena), arena);
    *out_local = is_dot_string(content) ? content : quote(content, arena);
    if (out_local->len > PH_ADDRESS_LOCAL_MAX) {
        return ph_fail(err, PH_EINVALID, "local part longer than %d octets", PH_ADDRESS_LOCAL_MAX);
    }
    return PH_OK;
}

static struct ph_bytes join(struct ph_bytes local, struct ph_bytes domain, struct ph_arena *arena)
{
    uint8_t *whole = ph_arena_alloc(arena, local.len + 1 + domain.len);
    if (local.len > 0) {
        memcpy(whole, local.ptr, local.len);
    }
    whole[local.len] = '@';
    if (domain.len > 0) {
        memcpy(whole + local.len + 1, domain.ptr, domain.len);
    }
    return ph_bytes_of(whole, local.len + 1 + domain.len);
}

int ph_address_canonical(struct ph_bytes address, struct ph_arena *arena, struct ph_bytes *out_address,
                         struct ph_error *err)
{
    struct ph_bytes local = {0};
    struct ph_bytes domain = {0};
    if (!ph_address_split(address, &local, &domain)) {
        return ph_fail(err, PH_EINVALID, "address has no domain");
    }
    if (local.len > PH_ADDRESS_LOCAL_MAX) {
        return ph_fail(err, PH_EINVALID, "local part longer than %d octets", PH_ADDRESS_LOCAL_MAX);
    }
    if (!ph_utf8_is_valid(local)) {
        return ph_fail(err, PH_EINVALID, "local part is not UTF-8");
    }
    int result = local_canonical(ph_unicode_nfc(local, arena), arena, &local, err);
    if (result == PH_OK) {
        bool is_literal = domain.len > 0 && domain.len <= PH_ADDRESS_DOMAIN_MAX && domain.ptr[0] == '[';
        result = is_literal ? literal_canonical(domain, arena, &domain, err)
                            : ph_domain_canonical(domain, arena, &domain, err);
    }
    if (result != PH_OK) {
        return result;
    }
    *out_address = join(local, domain, arena);
    return PH_OK;
}
