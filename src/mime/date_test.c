/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/date.h"

static void check(uint64_t seconds, const char *text)
{
    struct ph_buf out = PH_BUF(64);
    ph_date_put(&out, seconds * 1000000 + 999999);
    assert_string_equal(ph_buf_cstr(&out), text);
    ph_buf_fini(&out);
}

static void test_dates(void **state)
{
    (void)state;
    check(0, "Thu, 1 Jan 1970 00:00:00 +0000");
    check(951782400, "Tue, 29 Feb 2000 00:00:00 +0000");
    check(1795379700, "Sun, 22 Nov 2026 20:35:00 +0000");
    check(4102444799, "Thu, 31 Dec 2099 23:59:59 +0000");
    check(253402300800, "Thu, 1 Jan 1970 00:00:00 +0000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
