/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/s3_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void an_error_is_its_code_and_its_message(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *text;
    } cases[] = {
        {"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>It is gone.</Message></Error>",
         "NoSuchKey: It is gone."},
        {"<Error><Message>first</Message><Code>Second</Code></Error>", "Second: first"},
        {"<Error><Code>Alone</Code></Error>", "Alone"},
        {"<Code>cut off", "cut off"},
        {"<Message>a\r\nb\xFF</Message>", "a??b?"},
        {"Bad Gateway", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[160];
        ph_s3_error_text(ph_bytes_str(cases[i].xml), text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_long_error_is_cut(void **state)
{
    (void)state;
    char text[8];
    ph_s3_error_text(PH_BYTES("<Code>0123456789</Code><Message>more</Message>"), text, sizeof text);
    assert_string_equal(text, "0123456");
    ph_s3_error_text(PH_BYTES("<Code>0123</Code><Message>more</Message>"), text, sizeof text);
    assert_string_equal(text, "0123: m");
}

static void a_range_tells_the_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        {" bytes 0-9/1234", 1234}, {"bytes 5-6/7", 7}, {"BYTES 0-0/18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t size = 0;
        assert_true(ph_s3_content_range(ph_bytes_str(good[i].text), &size));
        assert_true(size == good[i].size);
    }
    static const char *const bad[] = {
        "", "bytes 0-9/*", "bytes 0-9", "items 0-9/10", "bytes 0-9/1 0", "bytes 0-9/18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t size = 77;
        assert_false(ph_s3_content_range(ph_bytes_str(bad[i]), &size));
    }
}

static void a_status_says_whether_to_try_again(void **state)
{
    (void)state;
    static const struct {
        long status;
        int class;
        bool is_passing;
    } cases[] = {
        {403, PH_EDENIED, false},      {401, PH_EDENIED, false},      {404, PH_ENOTFOUND, false},
        {500, PH_EUNAVAILABLE, true},  {503, PH_EUNAVAILABLE, true},  {429, PH_EUNAVAILABLE, true},
        {408, PH_EUNAVAILABLE, true},  {507, PH_ELIMIT, false},       {501, PH_EUNAVAILABLE, false},
        {400, PH_EUNAVAILABLE, false}, {301, PH_EUNAVAILABLE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_passing = !cases[i].is_passing;
        assert_int_equal(ph_s3_status_class(cases[i].status, "", &is_passing), cases[i].class);
        assert_int_equal(is_passing, cases[i].is_passing);
    }
    bool is_passing;
    assert_int_equal(ph_s3_status_class(404, "NoSuchBucket: mail", &is_passing), PH_EDENIED);
    assert_int_equal(ph_s3_status_class(404, "NoSuchBucket", &is_passing), PH_EDENIED);
    assert_int_equal(ph_s3_status_class(404, "NoSuchBucketPolicy: mail", &is_passing), PH_ENOTFOUND);
    assert_int_equal(ph_s3_status_class(404, "NoSuchKey: mail", &is_passing), PH_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_its_code_and_its_message),
        cmocka_unit_test(a_long_error_is_cut),
        cmocka_unit_test(a_range_tells_the_size),
        cmocka_unit_test(a_status_says_whether_to_try_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
