/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/base_subject.h"

static void check(const char *subject, const char *expected, bool is_reply)
{
    struct ph_buf out = PH_BUF(65536);
    assert_int_equal(ph_base_subject(ph_bytes_str(subject), &out), is_reply);
    assert_string_equal(ph_buf_cstr(&out), expected);
    ph_buf_fini(&out);
}

static void test_base_subjects(void **state)
{
    (void)state;
    check(" test", "test", false);
    check("", "", false);
    check(" Re: test", "test", true);
    check("RE : fwd:FW: test", "test", true);
    check("Re[2]: test", "test", true);
    check("re [list] : test", "test", true);
    check("[list] test", "test", false);
    check("[list] Re: [list] Fwd: test (fwd)  (FWD) ", "test", true);
    check("[fwd: Re: test]", "test", true);
    check("[fwd: [fwd: test (fwd)]]", "test", true);
    check("[list]", "[list]", false);
    check("[a] [b]", "[b]", false);
    check("[a] [b] x", "x", false);
    check("Re:", "", true);
    check("(fwd)", "", true);
    check("Rest of it", "Rest of it", false);
    check("reply", "reply", false);
    check("[a[b] x", "[a[b] x", false);
    check("a\t b\r\n  c", "a b c", false);
    check("=?utf-8?Q?Re=3A_=C3=BC?=", "\xC3\xBC", true);
    check("Re: [x] Re: [y", "[y", true);
}

static void test_it_appends(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(100);
    ph_buf_str(&out, "x");
    ph_base_subject(PH_BYTES("Re: y"), &out);
    assert_string_equal(ph_buf_cstr(&out), "xy");
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_base_subjects),
                                       cmocka_unit_test(test_it_appends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
