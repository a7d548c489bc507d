/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <string.h>

static void test_failure_says_class_and_text(void **state)
{
    (void)state;
    struct ph_error err = {0};
    assert_int_equal(ph_fail(&err, PH_EINVALID, "line %d of %s", 7, "x.yaml"), PH_EINVALID);
    assert_int_equal(err.code, PH_EINVALID);
    assert_string_equal(err.text, "line 7 of x.yaml");
}

static void test_nobody_needs_to_listen(void **state)
{
    (void)state;
    assert_int_equal(ph_fail(NULL, PH_ELIMIT, "%s", "unheard"), PH_ELIMIT);
    assert_int_equal(ph_fail_errno(NULL, PH_EDENIED, EACCES, "%s", "unheard"), PH_EDENIED);
}

static void test_errno_is_named_behind_the_text(void **state)
{
    (void)state;
    struct ph_error err = {0};
    assert_int_equal(ph_fail_errno(&err, PH_EDENIED, EACCES, "open %s", "/x"), PH_EDENIED);
    assert_string_equal(err.text, "open /x: Permission denied");
}

static void test_long_texts_are_cut_and_terminated(void **state)
{
    (void)state;
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct ph_error err = {0};
    assert_int_equal(ph_fail(&err, PH_EBUG, "%s", longer), PH_EBUG);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(ph_fail_errno(&err, PH_EBUG, EIO, "%s", longer), PH_EBUG);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

/* A caller says more about a failure below it. */
static void test_text_may_be_put_into_a_longer_one(void **state)
{
    (void)state;
    struct ph_error err = {0};
    assert_int_equal(ph_fail(&err, PH_ENOTFOUND, "no such file"), PH_ENOTFOUND);
    assert_int_equal(ph_fail(&err, PH_EUNAVAILABLE, "open the store: %s", err.text), PH_EUNAVAILABLE);
    assert_string_equal(err.text, "open the store: no such file");
    assert_int_equal(ph_fail_errno(&err, PH_EUNAVAILABLE, EIO, "%s; then", err.text), PH_EUNAVAILABLE);
    assert_string_equal(err.text, "open the store: no such file; then: Input/output error");
}

static void test_each_class_has_one_number_and_one_name(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *name;
    } classes[] = {
#define CLASS(name, number, text, meaning) {PH_E##name, text},
        PH_ERRORS(CLASS)
#undef CLASS
    };
    const size_t count = sizeof classes / sizeof *classes;
    for (size_t i = 0; i < count; i++) {
        assert_true(classes[i].code < 0);
        assert_string_equal(ph_error_name(classes[i].code), classes[i].name);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(classes[i].code, classes[k].code);
            assert_string_not_equal(classes[i].name, classes[k].name);
        }
    }
    assert_string_equal(ph_error_name(PH_OK), "ok");
    assert_string_equal(ph_error_name(1), "unknown");
    assert_string_equal(ph_error_name(-1000), "unknown");
}

static void test_errno_classes(void **state)
{
    (void)state;
    assert_int_equal(ph_error_class_of_errno(ENOSPC), PH_ELIMIT);
    assert_int_equal(ph_error_class_of_errno(EDQUOT), PH_ELIMIT);
    assert_int_equal(ph_error_class_of_errno(EACCES), PH_EDENIED);
    assert_int_equal(ph_error_class_of_errno(EROFS), PH_EDENIED);
    assert_int_equal(ph_error_class_of_errno(ENOENT), PH_ENOTFOUND);
    assert_int_equal(ph_error_class_of_errno(EIO), PH_EUNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_says_class_and_text),
        cmocka_unit_test(test_nobody_needs_to_listen),
        cmocka_unit_test(test_errno_is_named_behind_the_text),
        cmocka_unit_test(test_long_texts_are_cut_and_terminated),
        cmocka_unit_test(test_text_may_be_put_into_a_longer_one),
        cmocka_unit_test(test_each_class_has_one_number_and_one_name),
        cmocka_unit_test(test_errno_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
