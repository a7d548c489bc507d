/* SPDX-License-Identifier: Apache-2.0 */
#include "task/uidl_format.h"

/* "%08Xu" */
struct variable {
    char letter;
    bool is_zero_padded;
    bool is_hex;
    int width;
};

/* Reads a variable behind its '%', and moves *AT on to the octet behind. */
static bool parse(const char **at, struct variable *out)
{
    *out = (struct variable){0};
    const char *p = *at;
    out->is_zero_padded = *p == '0';
    while (*p >= '0' && *p <= '9' && out->width < 100) {
        out->width = out->width * 10 + (*p++ - '0');
    }
    if (*p == 'X') {
        out->is_hex = true;
        p++;
    }
    out->letter = *p;
    if (*p == '\0' || strchr("uvfg%", *p) == NULL) {
        return false;
    }
    bool is_number = *p == 'u' || *p == 'v';
    *at = p + 1;
    return out->width <= PH_UIDL_MAX && (is_number || (out->width == 0 && !out->is_hex));
}

int ph_uidl_format_check(const char *format, struct ph_error *err)
{
    bool has_variable = false;
    for (const char *at = format; *at != '\0';) {
        if (*at++ == '%') {
            struct variable variable;
            if (!parse(&at, &variable)) {
                return ph_fail(err, PH_EINVALID, "uidl-format: expected %%u, %%v, %%f or %%g in \"%.60s\"",
                               format);
            }
            has_variable = has_variable || strchr("ufg", variable.letter) != NULL;
        }
    }
    return has_variable
               ? PH_OK
               : ph_fail(err, PH_EINVALID, "uidl-format: all messages would have the UIDL \"%.60s\"", format);
}

static void put_number(const struct variable *variable, uint64_t number, struct ph_buf *out)
{
    unsigned long long value = number;
    int width = variable->width;
    if (!variable->is_hex) {
        ph_buf_printf(out, variable->is_zero_padded ? "%0*llu" : "%*llu", width, value);
    } else {
        /* In small letters, whatever the X suggests: that is how Dovecot does it. */
        ph_buf_printf(out, variable->is_zero_padded ? "%0*llx" : "%*llx", width, value);
    }
}

static bool put_variable(const struct variable *variable, const struct ph_uidl_parts *parts,
                         struct ph_buf *out)
{
    switch (variable->letter) {
    case 'u': put_number(variable, parts->uid, out); return parts->uid != 0;
    case 'v': put_number(variable, parts->uid_validity, out); return parts->uid_validity != 0;
    case 'f': ph_buf_bytes(out, parts->file); return parts->file.len > 0;
    case 'g':
        /* A message without one has its file's name for it. */
        ph_buf_bytes(out, parts->guid.len > 0 ? parts->guid : parts->file);
        return parts->file.len > 0;
    default: ph_buf_byte(out, '%'); return true;
    }
}

bool ph_uidl_format_put(const char *format, const struct ph_uidl_parts *parts, struct ph_buf *out)
{
    bool is_known = true;
    for (const char *at = format; *at != '\0' && is_known;) {
        char c = *at++;
        struct variable variable;
        if (c != '%') {
            ph_buf_byte(out, (uint8_t)c);
        } else {
            is_known = parse(&at, &variable) && put_variable(&variable, parts, out);
        }
    }
    if (!is_known || out->has_overflowed || !ph_uidl_is_valid(ph_buf_view(out))) {
        ph_buf_clear(out);
        return false;
    }
    return true;
}

bool ph_uidl_is_valid(struct ph_bytes uidl)
{
    for (size_t i = 0; i < uidl.len; i++) {
        if (uidl.ptr[i] < 0x21 || uidl.ptr[i] > 0x7E) {
            return false;
        }
    }
    return uidl.len >= 1 && uidl.len <= PH_UIDL_MAX;
}
