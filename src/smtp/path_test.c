/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/path.h"

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define D255 L63 "." L63 "." L63 "." L63

static void check_reverse(const char *text, const char *address)
{
    struct ph_smtp_path path;
    struct ph_bytes rest = ph_bytes_str(text);
    if (ph_smtp_parse_reverse_path(&rest, &path) != PH_OK) {
        fail_msg("%s is refused", text);
    }
    if (!ph_bytes_eq(ph_smtp_path_address(&path), ph_bytes_str(address))) {
        fail_msg("%s became %.*s", text, (int)path.len, (const char *)path.address);
    }
}

static void test_reverse_paths(void **state)
{
    (void)state;
    check_reverse("<>", "");
    check_reverse("<a@b>", "a@b");
    check_reverse("<alice@example.org>", "alice@example.org");
    check_reverse("<Alice.B+tag@Example.ORG>", "Alice.B+tag@Example.ORG");
    check_reverse("<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~@example.org");
    check_reverse("<alice@[192.0.2.1]>", "alice@[192.0.2.1]");
    check_reverse("<alice@[IPv6:2001:db8::1]>", "alice@[IPv6:2001:db8::1]");
    check_reverse("<alice@[x-tag:anything!]>", "alice@[x-tag:anything!]");
    check_reverse("<alice@xn--bcher-kva.example>", "alice@xn--bcher-kva.example");
    check_reverse("<alice@" D255 ">", "alice@" D255);
    check_reverse("<a" L63 "@b>", "a" L63 "@b");
}

static void test_quoted_forms_of_one_local_part_are_the_same(void **state)
{
    (void)state;
    check_reverse("<\"alice\"@example.org>", "alice@example.org");
    check_reverse("<\"\\a\\l\\ice\"@example.org>", "alice@example.org");
    check_reverse("<\"a.b\"@example.org>", "a.b@example.org");
    check_reverse("<\"a..b\"@example.org>", "\"a..b\"@example.org");
    check_reverse("<\"a b\"@example.org>", "\"a b\"@example.org");
    check_reverse("<\"a\\ b\"@example.org>", "\"a b\"@example.org");
    check_reverse("<\"a@b\"@example.org>", "\"a@b\"@example.org");
    check_reverse("<\"a>b\"@example.org>", "\"a>b\"@example.org");
    check_reverse("<\"a\\\"b\\\\\"@example.org>", "\"a\\\"b\\\\\"@example.org");
    check_reverse("<\"\"@example.org>", "\"\"@example.org");
}

static void test_source_routes_are_dropped(void **state)
{
    (void)state;
    check_reverse("<@one.example:alice@example.org>", "alice@example.org");
    check_reverse("<@one.example,@two.example:alice@example.org>", "alice@example.org");
}

static void test_what_is_no_path(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "alice@example.org",
        "<alice@example.org",
        "<alice>",
        "<alice@>",
        "<@example.org>",
        "< alice@example.org>",
        "<alice@example.org >",
        "<alice @example.org>",
        "<alice@example.org>x",
        "<alice@example.org>>",
        "<<alice@example.org>>",
        "<.alice@example.org>",
        "<alice.@example.org>",
        "<al..ice@example.org>",
        "<alice@example..org>",
        "<alice@.example.org>",
        "<alice@example.org.>",
        "<alice@-example.org>",
        "<alice@example-.org>",
        "<alice@exa_mple.org>",
        "<alice@bob@example.org>",
        "<al(ice)@example.org>",
        "<al,ice@example.org>",
        "<al\\ice@example.org>",
        "<\"alice@example.org>",
        "<\"al\"ice\"@example.org>",
        "<\"alice\"x@example.org>",
        "<\"al\tice\"@example.org>",
        "<\"al\\\xC3\xBC\"@example.org>",
        "<al\x01ice@example.org>",
        "<alice@[192.0.2.1>",
        "<alice@[192.0.2.256]>",
        "<alice@[192.0.2]>",
        "<alice@[IPv6:]>",
        "<alice@[IPv6:2001:db8::g]>",
        "<alice@[2001:db8::1]x>",
        "<alice@[:x]>",
        "<alice@[tag:]>",
        "<alice@[]>",
        "<alice@[1.2.3.4]]>",
        "<@one.example alice@example.org>",
        "<@one.example,alice@example.org>",
        "<@one.example,@:alice@example.org>",
        "<@[192.0.2.1]:alice@example.org>",
        "<aa" L63 "@b>",
        "<\"" L63 "\"@b>",
        "<alice@" D255 "a>",
        "<alice@a" L63 ".example>",
        "<alice@" D255 ".a>",
        "<\xFF@example.org>",
        "<\xC3@example.org>",
        "<alice@\xED\xA0\x80.example>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ph_smtp_path path;
        struct ph_bytes rest = ph_bytes_str(bad[i]);
        if (ph_smtp_parse_reverse_path(&rest, &path) != PH_EINVALID) {
            fail_msg("%s is taken", bad[i]);
        }
        if (ph_smtp_parse_forward_path(&rest, &path) != PH_EINVALID) {
            fail_msg("%s is taken as a forward path", bad[i]);
        }
    }
}

static void test_what_follows_the_path_is_left(void **state)
{
    (void)state;
    struct ph_smtp_path path;
    struct ph_bytes rest = PH_BYTES("<alice@example.org> SIZE=100");
    assert_int_equal(ph_smtp_parse_reverse_path(&rest, &path), PH_OK);
    assert_true(ph_bytes_eq(rest, PH_BYTES(" SIZE=100")));
    assert_false(path.is_utf8);
}

static void test_internationalized(void **state)
{
    (void)state;
    struct ph_smtp_path path;
    struct ph_bytes rest = PH_BYTES("<j\xC3\xBCrgen@b\xC3\xBC"
                                    "cher.example>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_OK);
    assert_true(path.is_utf8);
    rest = PH_BYTES("<\"j\xC3\xBCr gen\"@example.org>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_OK);
    assert_true(path.is_utf8);
    assert_true(ph_bytes_eq(ph_smtp_path_address(&path), PH_BYTES("\"j\xC3\xBCr gen\"@example.org")));
}

static void test_postmaster_needs_no_domain(void **state)
{
    (void)state;
    struct ph_smtp_path path;
    struct ph_bytes rest = PH_BYTES("<PostMaster>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_OK);
    assert_true(ph_bytes_eq(ph_smtp_path_address(&path), PH_BYTES("postmaster")));
    rest = PH_BYTES("<Postmaster@example.org>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_OK);
    assert_true(ph_bytes_eq(ph_smtp_path_address(&path), PH_BYTES("Postmaster@example.org")));
    rest = PH_BYTES("<postmasters>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_EINVALID);
    rest = PH_BYTES("<postmaster>");
    assert_int_equal(ph_smtp_parse_reverse_path(&rest, &path), PH_EINVALID);
}

static void test_nobody_is_no_recipient(void **state)
{
    (void)state;
    struct ph_smtp_path path;
    struct ph_bytes rest = PH_BYTES("<>");
    assert_int_equal(ph_smtp_parse_forward_path(&rest, &path), PH_EINVALID);
}

/* An address that was made normal is normal: parsing it again changes nothing. */
static void test_normal_form_is_stable(void **state)
{
    (void)state;
    static const char *const paths[] = {"<\"a b\\\"\\\\\"@example.org>", "<\"a.b\"@[192.0.2.1]>", "<\"\"@b>"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct ph_smtp_path path;
        struct ph_smtp_path again;
        struct ph_bytes rest = ph_bytes_str(paths[i]);
        assert_int_equal(ph_smtp_parse_reverse_path(&rest, &path), PH_OK);
        struct ph_buf buf = PH_BUF(1024);
        ph_buf_printf(&buf, "<%.*s>", (int)path.len, (const char *)path.address);
        rest = ph_buf_view(&buf);
        assert_int_equal(ph_smtp_parse_reverse_path(&rest, &again), PH_OK);
        assert_true(ph_bytes_eq(ph_smtp_path_address(&path), ph_smtp_path_address(&again)));
        ph_buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reverse_paths),
        cmocka_unit_test(test_quoted_forms_of_one_local_part_are_the_same),
        cmocka_unit_test(test_source_routes_are_dropped),
        cmocka_unit_test(test_what_is_no_path),
        cmocka_unit_test(test_what_follows_the_path_is_left),
        cmocka_unit_test(test_internationalized),
        cmocka_unit_test(test_postmaster_needs_no_domain),
        cmocka_unit_test(test_nobody_is_no_recipient),
        cmocka_unit_test(test_normal_form_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
