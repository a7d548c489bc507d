/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/accounts.h"
#include "auth/unicode.h"

static struct ph_arena arena;

static int set_up(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    return 0;
}

static void assert_bytes(struct ph_bytes got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void assert_canonical(const char *address, const char *want)
{
    struct ph_error err = {0};
    struct ph_bytes got;
    if (ph_address_canonical(ph_bytes_str(address), &arena, &got, &err) != PH_OK) {
        fail_msg("%s: %s", address, err.text);
    }
    assert_bytes(got, want);
    /* A fixed point. */
    struct ph_bytes again;
    assert_int_equal(ph_address_canonical(got, &arena, &again, &err), PH_OK);
    assert_bytes(again, want);
}

static void assert_refused(const char *address, const char *rule)
{
    struct ph_error err = {0};
    struct ph_bytes got;
    if (ph_address_canonical(ph_bytes_str(address), &arena, &got, &err) != PH_EINVALID) {
        fail_msg("%s was not refused", address);
    }
    if (strstr(err.text, rule) == NULL) {
        fail_msg("%s: \"%s\" does not name \"%s\"", address, err.text, rule);
    }
}

static void plain_addresses_are_lower_case(void **state)
{
    (void)state;
    assert_canonical("alice@example.org", "alice@example.org");
    assert_canonical("Alice.B+Tag@EXAMPLE.Org", "alice.b+tag@example.org");
    assert_canonical("!#$%&'*+-/=?^_`{|}~@localhost", "!#$%&'*+-/=?^_`{|}~@localhost");
    assert_canonical("a@1.2.3.4", "a@1.2.3.4");
}

static void quotes_go_where_they_are_not_needed(void **state)
{
    (void)state;
    assert_canonical("\"Bob\"@example.org", "bob@example.org");
    assert_canonical("\"b\\o\\b\"@example.org", "bob@example.org");
    assert_canonical("\"a.b\"@example.org", "a.b@example.org");
    assert_canonical("\"Bob Smith\"@example.org", "\"bob smith\"@example.org");
    assert_canonical("\"a@b\"@example.org", "\"a@b\"@example.org");
    assert_canonical("\"a..b\"@example.org", "\"a..b\"@example.org");
    assert_canonical("\"\"@example.org", "\"\"@example.org");
    assert_canonical("\"x\\\"y\\\\z\\(\"@example.org", "\"x\\\"y\\\\z(\"@example.org");
}

static void internationalized_addresses_have_one_spelling(void **state)
{
    (void)state;
    assert_canonical("j\u00FCrgen@b\u00FCcher.example", "j\u00FCrgen@b\u00FCcher.example");
    assert_canonical("ju\u0308rgen@bu\u0308"
                     "cher.example",
                     "j\u00FCrgen@b\u00FCcher.example");
    assert_canonical("x@xn--bcher-kva.example", "x@b\u00FCcher.example");
    assert_canonical("x@XN--BCHER-KVA.Example", "x@b\u00FCcher.example");
    assert_canonical("x@B\u00DCCHER.example", "x@b\u00FCcher.example");
    /* IDNA 2008 keeps the sharp s, which IDNA 2003 made ss. */
    assert_canonical("x@fa\u00DF.example", "x@fa\u00DF.example");
    assert_canonical("x@xn--fa-hia.example", "x@fa\u00DF.example");
    /* The Kelvin sign is K in form C. */
    assert_canonical("\u212Aim@example.org", "kim@example.org");
    /* H with macron below has no character of its own, h with macron below has. */
    assert_canonical("H\u0331@example.org", "\u1E96@example.org");
    /* A Greek question mark is a semicolon in form C, and that is no atom. */
    assert_refused("a\u037Eb@example.org", "dot-string");
}

static void local_parts_that_break_a_rule(void **state)
{
    (void)state;
    assert_refused("alice", "no domain");
    assert_refused("", "no domain");
    assert_refused("@example.org", "empty");
    assert_refused(".a@example.org", "dot-string");
    assert_refused("a.@example.org", "dot-string");
    assert_refused("a..b@example.org", "dot-string");
    assert_refused("a b@example.org", "dot-string");
    assert_refused("a,b@example.org", "dot-string");
    assert_refused("a@b@example.org", "dot-string");
    assert_refused("\"a@example.org", "quoted");
    assert_refused("\"a\"b\"@example.org", "quoted");
    assert_refused("\"a\\\"@example.org", "quoted");
    assert_refused("\"a\rb\"@example.org", "control");
    assert_refused("a\xC2\x85"
                   "b@example.org",
                   "control");
    assert_refused("a\u202Eb@example.org", "control");
    assert_refused("a\xFF@example.org", "UTF-8");
    assert_refused("a\xC0\xAF@example.org", "UTF-8");
    assert_refused("a\xED\xA0\x80@example.org", "UTF-8");
}

static void domains_that_break_a_rule(void **state)
{
    (void)state;
    assert_refused("a@", "empty");
    assert_refused("a@.example.org", "host name");
    assert_refused("a@example..org", "host name");
    assert_refused("a@example.org.", "host name");
    assert_refused("a@-example.org", "host name");
    assert_refused("a@example-.org", "host name");
    assert_refused("a@exa_mple.org", "host name");
    assert_refused("a@exa mple.org", "host name");
    assert_refused("a@xn--.example", "domain");
    assert_refused("a@xn--a.example", "domain");
    assert_refused("a@\u2709\uFE0F_.example", "domain");
    assert_refused("a@b\xFF.example", "UTF-8");
    assert_refused("a@b\u00FC..example", "domain");
}

static void address_literals(void **state)
{
    (void)state;
    assert_canonical("a@[192.0.2.1]", "a@[192.0.2.1]");
    assert_canonical("a@[IPv6:2001:DB8:0::1]", "a@[ipv6:2001:db8::1]");
    assert_refused("a@[192.0.2]", "literal");
    assert_refused("a@[192.0.2.1", "literal");
    assert_refused("a@[2001:db8::1]", "literal");
    assert_refused("a@[tag:x]", "literal");
    assert_refused("a@[", "literal");
    struct ph_bytes domain;
    assert_int_equal(ph_domain_canonical(PH_BYTES("[192.0.2.1]"), &arena, &domain, NULL), PH_EINVALID);
}

static void sizes_of_rfc_5321(void **state)
{
    (void)state;
    char text[600];
    memset(text, 'a', sizeof text);
    memcpy(text + 64, "@example.org", 13);
    assert_canonical(text, text);
    memset(text, 'a', sizeof text);
    memcpy(text + 65, "@example.org", 13);
    assert_refused(text, "longer than 64");

    /* Four labels of 63 and three dots: 255 octets. */
    memset(text, 'b', sizeof text);
    memcpy(text, "x@", 2);
    for (size_t i = 1; i < 4; i++) {
        text[2 + i * 64 - 1] = '.';
    }
    text[2 + 255] = '\0';
    assert_canonical(text, text);
    text[2 + 255] = 'b';
    text[2 + 256] = '\0';
    assert_refused(text, "longer than 255");

    memset(text, 'b', sizeof text);
    memcpy(text, "x@", 2);
    memcpy(text + 2 + 64, ".org", 5);
    assert_refused(text, "host name");
}

static void splitting_takes_the_last_at(void **state)
{
    (void)state;
    struct ph_bytes local;
    struct ph_bytes domain;
    assert_true(ph_address_split(PH_BYTES("\"a@b\"@c"), &local, &domain));
    assert_bytes(local, "\"a@b\"");
    assert_bytes(domain, "c");
    assert_false(ph_address_split(PH_BYTES("abc"), &local, &domain));
    assert_true(ph_address_split(PH_BYTES("@"), &local, &domain));
    assert_int_equal(local.len, 0);
    assert_int_equal(domain.len, 0);
}

/* The examples of RFC 4013 section 3. */
static void saslprep_examples(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out; /* NULL: refused */
    } examples[] = {
        {"I\u00ADX", "IX"}, {"user", "user"}, {"USER", "USER"},  {"\u00AA", "a"},
        {"\u2168", "IX"},   {"\x07", NULL},   {"\u06271", NULL}, {"\u00AD", NULL},
        {"", NULL},         {"\u00A0", " "},  {"a\xFF", NULL},   {"\x7F", NULL},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct ph_buf out = PH_BUF(64);
        int result = ph_unicode_saslprep(ph_bytes_str(examples[i].in), PH_SASLPREP_STORED, &out, NULL);
        if (examples[i].out == NULL) {
            assert_int_equal(result, PH_EINVALID);
        } else {
            assert_int_equal(result, PH_OK);
            assert_bytes(ph_buf_view(&out), examples[i].out);
        }
        ph_buf_fini(&out);
    }
    /* U+0221 was not assigned in Unicode 3.2. */
    struct ph_buf out = PH_BUF(4);
    assert_int_equal(ph_unicode_saslprep(PH_BYTES("\u0221"), PH_SASLPREP_STORED, &out, NULL), PH_EINVALID);
    assert_int_equal(ph_unicode_saslprep(PH_BYTES("\u0221"), PH_SASLPREP_QUERY, &out, NULL), PH_OK);
    assert_int_equal(ph_unicode_saslprep(PH_BYTES("12345"), PH_SASLPREP_QUERY, &out, NULL), PH_ELIMIT);
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_addresses_are_lower_case),
        cmocka_unit_test(quotes_go_where_they_are_not_needed),
        cmocka_unit_test(internationalized_addresses_have_one_spelling),
        cmocka_unit_test(local_parts_that_break_a_rule),
        cmocka_unit_test(domains_that_break_a_rule),
        cmocka_unit_test(address_literals),
        cmocka_unit_test(sizes_of_rfc_5321),
        cmocka_unit_test(splitting_takes_the_last_at),
        cmocka_unit_test(saslprep_examples),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
