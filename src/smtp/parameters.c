/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5321 section 4.1.2 (esmtp-param), RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 sections
 * 4.1 to 4.5 (NOTIFY, ORCPT, RET, ENVID), RFC 6533 section 3 (addresses of type utf-8), RFC 4954 section 5 (AUTH).
 */
#include "smtp/parameters.h"

#include "base/utf8.h"

enum { SIZE_DIGITS_MAX = 20, ENVID_MAX = 100, ORCPT_MAX = 500, AUTH_MAX = 500 };

/* One parameter: how it is called, and how its value is read into the object of the command. */
struct parameter {
    struct ph_bytes keyword;
    bool has_value;
    bool (*read)(struct ph_bytes value, void *object);
};

static bool is_alnum(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Whether TEXT is xtext (RFC 3461 section 4) for printable ASCII and blanks. */
static bool is_xtext(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '+') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            int octet = high * 16 + low;
            if (high < 0 || low < 0 || (octet != '\t' && (octet < ' ' || octet > '~'))) {
                return false;
            }
            i += 2;
        } else if (c < '!' || c > '~' || c == '=') {
            return false;
        }
    }
    return true;
}

/* RFC 6533 section 3: text with \x{HEX} for what could not stand as it is; octets above 127 only where the
 * transaction is internationalized. */
static bool is_utf8_address(struct ph_bytes text, bool is_utf8)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\\') {
            size_t close = ph_bytes_find(ph_bytes_from(text, i), '}') + i;
            size_t digits = close - i - 3;
            if (close == text.len || close < i + 5 || digits > 6 || text.ptr[i + 1] != 'x' ||
                text.ptr[i + 2] != '{') {
                return false;
            }
            for (size_t at = i + 3; at < close; at++) {
                if (hex_digit(text.ptr[at]) < 0) {
                    return false;
                }
            }
            i = close;
        } else if (c < '!' || c == 0x7F || c == '+' || c == '=' || (c > 0x7F && !is_utf8)) {
            return false;
        }
    }
    return ph_utf8_is_valid(text);
}

/* ---- MAIL ---- */

static bool read_size(struct ph_bytes value, void *object)
{
    struct ph_smtp_mail_parameters *mail = object;
    if (value.len > SIZE_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return false;
        }
    }
    if (!ph_bytes_to_u64(value, &mail->size)) {
        mail->size = UINT64_MAX; /* twenty digits may say more than fits: it is too much in any case */
    }
    return true;
}

static bool read_body(struct ph_bytes value, void *object)
{
    struct ph_smtp_mail_parameters *mail = object;
    if (ph_bytes_ieq(value, PH_BYTES("7BIT"))) {
        mail->body = PH_SMTP_BODY_7BIT;
    } else if (ph_bytes_ieq(value, PH_BYTES("8BITMIME"))) {
        mail->body = PH_SMTP_BODY_8BITMIME;
    }
    return mail->body != PH_SMTP_BODY_UNSAID;
}

static bool read_smtputf8(struct ph_bytes value, void *object)
{
    (void)value;
    ((struct ph_smtp_mail_parameters *)object)->is_utf8 = true;
    return true;
}

static bool read_ret(struct ph_bytes value, void *object)
{
    (void)object;
    return ph_bytes_ieq(value, PH_BYTES("FULL")) || ph_bytes_ieq(value, PH_BYTES("HDRS"));
}

static bool read_envid(struct ph_bytes value, void *object)
{
    (void)object;
    return value.len <= ENVID_MAX && is_xtext(value);
}

static bool read_auth(struct ph_bytes value, void *object)
{
    (void)object;
    return value.len <= AUTH_MAX && is_xtext(value);
}

static const struct parameter mail_parameters[] = {
    {PH_BYTES("SIZE"), true, read_size},          {PH_BYTES("BODY"), true, read_body},
    {PH_BYTES("SMTPUTF8"), false, read_smtputf8}, {PH_BYTES("RET"), true, read_ret},
    {PH_BYTES("ENVID"), true, read_envid},        {PH_BYTES("AUTH"), true, read_auth},
};

/* ---- RCPT ---- */

struct rcpt {
    bool is_utf8;
};

static bool read_notify(struct ph_bytes value, void *object)
{
    (void)object;
    static const struct ph_bytes words[] = {PH_BYTES("SUCCESS"), PH_BYTES("FAILURE"), PH_BYTES("DELAY")};
    if (ph_bytes_ieq(value, PH_BYTES("NEVER"))) {
        return true;
    }
    /* RFC 822's 1#: commas between, and none may be missing. */
    for (struct ph_bytes rest = value;;) {
        size_t comma = ph_bytes_find(rest, ',');
        struct ph_bytes word = ph_bytes_first(rest, comma);
        bool is_known = false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            is_known = is_known || ph_bytes_ieq(word, words[i]);
        }
        if (!is_known || comma == rest.len) {
            return is_known;
        }
        rest = ph_bytes_from(rest, comma + 1);
    }
}

static bool read_orcpt(struct ph_bytes value, void *object)
{
    const struct rcpt *rcpt = object;
    size_t semicolon = ph_bytes_find(value, ';');
    struct ph_bytes type = ph_bytes_first(value, semicolon);
    struct ph_bytes address = ph_bytes_from(value, semicolon + 1);
    if (value.len > ORCPT_MAX || semicolon == value.len || type.len == 0 || address.len == 0) {
        return false;
    }
    for (size_t i = 0; i < type.len; i++) {
        if (!is_alnum(type.ptr[i]) && type.ptr[i] != '-') {
            return false;
        }
    }
    return ph_bytes_ieq(type, PH_BYTES("utf-8")) ? is_utf8_address(address, rcpt->is_utf8)
                                                 : is_xtext(address);
}

static const struct parameter rcpt_parameters[] = {
    {PH_BYTES("NOTIFY"), true, read_notify},
    {PH_BYTES("ORCPT"), true, read_orcpt},
};

/* ---- Both ---- */

static bool is_keyword(struct ph_bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (!is_alnum(word.ptr[i]) && (i == 0 || word.ptr[i] != '-')) {
            return false;
        }
    }
    return word.len > 0;
}

static bool is_value(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '!' || text.ptr[i] == '=' || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return text.len > 0;
}

static int parse(struct ph_bytes rest, const struct parameter *table, size_t count, void *object)
{
    unsigned seen = 0;
    while (rest.len > 0) {
        struct ph_bytes word = ph_bytes_next_word(&rest);
        if (word.len == 0) {
            break;
        }
        size_t equals = ph_bytes_find(word, '=');
        struct ph_bytes keyword = ph_bytes_first(word, equals);
        struct ph_bytes value = ph_bytes_from(word, equals + 1);
        bool has_value = equals < word.len;
        if (!is_keyword(keyword) || (has_value && !is_value(value))) {
            return PH_EINVALID;
        }
        size_t at = 0;
        while (at < count && !ph_bytes_ieq(table[at].keyword, keyword)) {
            at++;
        }
        if (at == count) {
            return PH_ENOTFOUND;
        }
        if ((seen & 1U << at) != 0 || has_value != table[at].has_value || !table[at].read(value, object)) {
            return PH_EINVALID;
        }
        seen |= 1U << at;
    }
    return PH_OK;
}

int ph_smtp_parse_mail_parameters(struct ph_bytes rest, bool has_auth,
                                  struct ph_smtp_mail_parameters *out_parameters)
{
    size_t count = sizeof mail_parameters / sizeof *mail_parameters;
    *out_parameters = (struct ph_smtp_mail_parameters){0};
    /* AUTH is the last of the table. */
    return parse(rest, mail_parameters, has_auth ? count : count - 1, out_parameters);
}

int ph_smtp_parse_rcpt_parameters(struct ph_bytes rest, bool is_utf8)
{
    struct rcpt rcpt = {is_utf8};
    return parse(rest, rcpt_parameters, sizeof rcpt_parameters / sizeof *rcpt_parameters, &rcpt);
}
