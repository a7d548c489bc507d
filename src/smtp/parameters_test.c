/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/parameters.h"

static int mail(const char *text)
{
    struct ph_smtp_mail_parameters parameters;
    return ph_smtp_parse_mail_parameters(ph_bytes_str(text), true, &parameters);
}

static void test_mail_parameters(void **state)
{
    (void)state;
    struct ph_smtp_mail_parameters p;
    assert_int_equal(ph_smtp_parse_mail_parameters(PH_BYTES(""), false, &p), PH_OK);
    assert_true(p.size == 0 && p.body == PH_SMTP_BODY_UNSAID && !p.is_utf8);
    assert_int_equal(ph_smtp_parse_mail_parameters(
                         PH_BYTES(" SIZE=5000  body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ314159"), false, &p),
                     PH_OK);
    assert_true(p.size == 5000 && p.body == PH_SMTP_BODY_8BITMIME && p.is_utf8);
    assert_int_equal(ph_smtp_parse_mail_parameters(PH_BYTES(" BODY=7BIT"), false, &p), PH_OK);
    assert_int_equal(p.body, PH_SMTP_BODY_7BIT);
    assert_int_equal(ph_smtp_parse_mail_parameters(PH_BYTES(" SIZE=99999999999999999999"), false, &p), PH_OK);
    assert_true(p.size == UINT64_MAX);
}

static void test_bad_mail_parameters(void **state)
{
    (void)state;
    static const char *const bad[] = {
        " SIZE",
        " SIZE=",
        " SIZE=-1",
        " SIZE=1k",
        " SIZE=1=1",
        " SIZE=1 SIZE=1",
        " SIZE=100000000000000000000",
        " BODY",
        " BODY=9BIT",
        " BODY=BINARYMIME",
        " SMTPUTF8=yes",
        " SMTPUTF8 SMTPUTF8",
        " RET",
        " RET=SOME",
        " RET=FULL RET=FULL",
        " ENVID",
        " ENVID=",
        " ENVID=a+b",
        " ENVID=a+2",
        " ENVID=a+2b",
        " ENVID=a+0A",
        " ENVID=a+C3+BC",
        " ENVID=\xC3\xBC",
        " AUTH=+",
        " =",
        " =x",
        " -X=1",
        " X_Y=1",
        " SIZE=1\x01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mail(bad[i]) != PH_EINVALID) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    assert_int_equal(mail(" X-UNKNOWN=1"), PH_ENOTFOUND);
    assert_int_equal(mail(" NOTIFY=NEVER"), PH_ENOTFOUND);
}

static void test_envid_may_have_100_characters(void **state)
{
    (void)state;
    char text[128] = " ENVID=";
    memset(text + 7, 'x', 101);
    text[107] = '\0';
    assert_int_equal(mail(text), PH_OK);
    text[107] = 'x';
    assert_int_equal(mail(text), PH_EINVALID);
    assert_int_equal(mail(" ENVID=+2B+3D+20x"), PH_OK);
}

static void test_auth_is_known_where_it_was_announced(void **state)
{
    (void)state;
    struct ph_smtp_mail_parameters p;
    assert_int_equal(mail(" AUTH=<>"), PH_OK);
    assert_int_equal(mail(" AUTH=e+3Dmc2@example.com"), PH_OK);
    assert_int_equal(ph_smtp_parse_mail_parameters(PH_BYTES(" AUTH=<>"), false, &p), PH_ENOTFOUND);
}

static void test_rcpt_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        " NOTIFY=NEVER",
        " NOTIFY=never",
        " NOTIFY=SUCCESS,FAILURE,DELAY",
        " notify=delay",
        " ORCPT=rfc822;alice@example.org NOTIFY=FAILURE",
        " ORCPT=rfc822;a+2Bb@example.org",
        " ORCPT=x-unix;root",
        " ORCPT=utf-8;j\\x{FC}rgen@example.org",
    };
    static const char *const bad[] = {
        " NOTIFY",
        " NOTIFY=",
        " NOTIFY=NEVER,SUCCESS",
        " NOTIFY=SUCCESS,",
        " NOTIFY=,SUCCESS",
        " NOTIFY=SUCCESS,,DELAY",
        " NOTIFY=SOMETIMES",
        " NOTIFY=NEVER NOTIFY=NEVER",
        " ORCPT",
        " ORCPT=",
        " ORCPT=alice@example.org",
        " ORCPT=;alice",
        " ORCPT=rfc822;",
        " ORCPT=rfc822;a+b",
        " ORCPT=rfc 822;a",
        " ORCPT=rfc822;a ORCPT=rfc822;a",
        " ORCPT=utf-8;\\x{}",
        " ORCPT=utf-8;\\x{F",
        " ORCPT=utf-8;\\x{fc}",
        " ORCPT=utf-8;\\u{FC}",
        " ORCPT=utf-8;\\x{FCFCFCFC}",
        " ORCPT=utf-8;\\",
        " ORCPT=utf-8;j\xC3\xBCrgen",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (ph_smtp_parse_rcpt_parameters(ph_bytes_str(good[i]), false) != PH_OK) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ph_smtp_parse_rcpt_parameters(ph_bytes_str(bad[i]), false) == PH_OK) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    assert_int_equal(ph_smtp_parse_rcpt_parameters(PH_BYTES(" ORCPT=utf-8;j\xC3\xBCrgen"), true), PH_OK);
    assert_int_equal(ph_smtp_parse_rcpt_parameters(PH_BYTES(" ORCPT=utf-8;\xC3"), true), PH_EINVALID);
    assert_int_equal(ph_smtp_parse_rcpt_parameters(PH_BYTES(" SIZE=1"), false), PH_ENOTFOUND);
}

static void test_orcpt_may_have_500_characters(void **state)
{
    (void)state;
    struct ph_buf text = PH_BUF(1024);
    ph_buf_str(&text, " ORCPT=rfc822;");
    for (size_t i = strlen("rfc822;"); i < 500; i++) {
        ph_buf_byte(&text, 'x');
    }
    assert_int_equal(ph_smtp_parse_rcpt_parameters(ph_buf_view(&text), false), PH_OK);
    ph_buf_byte(&text, 'x');
    assert_int_equal(ph_smtp_parse_rcpt_parameters(ph_buf_view(&text), false), PH_EINVALID);
    ph_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail_parameters),
        cmocka_unit_test(test_bad_mail_parameters),
        cmocka_unit_test(test_envid_may_have_100_characters),
        cmocka_unit_test(test_auth_is_known_where_it_was_announced),
        cmocka_unit_test(test_rcpt_parameters),
        cmocka_unit_test(test_orcpt_may_have_500_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
