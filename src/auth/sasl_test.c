/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sodium.h>
#include <cmocka.h>

static struct ph_sasl sasl;
static struct ph_error err;

static int tear_down(void **state)
{
    (void)state;
    ph_sasl_fini(&sasl);
    return 0;
}

static void begin(const char *mechanism)
{
    ph_sasl_fini(&sasl);
    const struct ph_sasl_mechanism *found = ph_sasl_find(ph_bytes_str(mechanism));
    assert_non_null(found);
    ph_sasl_init(&sasl, found);
}

static void assert_bytes(struct ph_bytes got, const char *want)
{
    if (!ph_bytes_eq(got, ph_bytes_str(want))) {
        fail_msg("\"%.*s\" instead of \"%s\"", (int)got.len, (const char *)got.ptr, want);
    }
}

static void mechanisms_by_name(void **state)
{
    (void)state;
    assert_non_null(ph_sasl_find(PH_BYTES("plain")));
    assert_non_null(ph_sasl_find(PH_BYTES("Scram-Sha-256")));
    assert_null(ph_sasl_find(PH_BYTES("SCRAM-SHA-256-PLUS")));
    assert_null(ph_sasl_find(PH_BYTES("CRAM-MD5")));
    assert_null(ph_sasl_find(PH_BYTES("")));
    assert_string_equal(ph_sasl_names(true), "SCRAM-SHA-256 PLAIN LOGIN");
    assert_string_equal(ph_sasl_names(false), "SCRAM-SHA-256");
    assert_true(ph_sasl_shows_password(ph_sasl_find(PH_BYTES("PLAIN"))));
    assert_true(ph_sasl_shows_password(ph_sasl_find(PH_BYTES("LOGIN"))));
    assert_false(ph_sasl_shows_password(ph_sasl_find(PH_BYTES("SCRAM-SHA-256"))));
}

static void plain_with_and_without_initial_response(void **state)
{
    (void)state;
    /* The examples of RFC 4616 section 4. */
    begin("PLAIN");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("\0tim@example.org\0tanstaaftanstaaf"), &err),
                     PH_SASL_PASSWORD);
    assert_bytes(sasl.user, "tim@example.org");
    assert_bytes(sasl.password, "tanstaaftanstaaf");

    begin("PLAIN");
    assert_int_equal(ph_sasl_start(&sasl, false, (struct ph_bytes){0}, &err), PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES("Tim@Example.org\0tim@example.org\0secret"), &err),
                     PH_SASL_PASSWORD);
    assert_bytes(sasl.user, "tim@example.org");
    assert_bytes(sasl.password, "secret");
}

static void plain_that_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct ph_bytes message;
        int result;
    } wrong[] = {
        {PH_BYTES(""), PH_EINVALID},
        {PH_BYTES("\0"), PH_EINVALID},
        {PH_BYTES("tim"), PH_EINVALID},
        {PH_BYTES("\0tim"), PH_EINVALID},
        {PH_BYTES("\0tim\0"), PH_EINVALID},
        {PH_BYTES("\0\0secret"), PH_EINVALID},
        {PH_BYTES("\0tim\0secret\0"), PH_EINVALID},
        {PH_BYTES("\0tim\0sec\0ret"), PH_EINVALID},
        {PH_BYTES("\0tim\0secret\xFF"), PH_EINVALID},
        /* RFC 4616: Ursel acts for Kurt. */
        {PH_BYTES("Kurt\0Ursel\0xipj3plmq"), PH_EDENIED},
        {PH_BYTES("kurt@example.org\0ursel@example.org\0xipj3plmq"), PH_EDENIED},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin("PLAIN");
        assert_int_equal(ph_sasl_start(&sasl, true, wrong[i].message, &err), wrong[i].result);
    }
    static char big[PH_SCRAM_MESSAGE_MAX + 1];
    memset(big, 'x', sizeof big);
    big[0] = big[5] = '\0';
    begin("PLAIN");
    assert_int_equal(ph_sasl_start(&sasl, true, ph_bytes_of(big, sizeof big), &err), PH_EINVALID);
    begin("PLAIN");
    assert_int_equal(ph_sasl_start(&sasl, true, ph_bytes_of(big, sizeof big - 1), &err), PH_SASL_PASSWORD);
}

static void login_asks_twice(void **state)
{
    (void)state;
    begin("LOGIN");
    assert_int_equal(ph_sasl_start(&sasl, false, (struct ph_bytes){0}, &err), PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "Username:");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES("tim@example.org"), &err), PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "Password:");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES("tanstaaftanstaaf"), &err), PH_SASL_PASSWORD);
    assert_bytes(sasl.user, "tim@example.org");
    assert_bytes(sasl.password, "tanstaaftanstaaf");

    begin("LOGIN");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("tim@example.org"), &err), PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "Password:");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES(""), &err), PH_EINVALID);

    begin("LOGIN");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES(""), &err), PH_EINVALID);
    begin("LOGIN");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("t\0im"), &err), PH_EINVALID);
}

static void scram_from_first_to_last(void **state)
{
    (void)state;
    struct ph_scram_keys keys = {0};
    ph_scram_derive(PH_BYTES("pencil"), PH_BYTES("[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x12\x36\xfa\x81"),
                    4096, &keys);
    begin("SCRAM-SHA-256");
    assert_int_equal(ph_sasl_start(&sasl, false, (struct ph_bytes){0}, &err), PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), &err), PH_SASL_KEYS);
    assert_bytes(sasl.user, "user");
    assert_int_equal(ph_sasl_keys(&sasl, &keys, true, PH_BYTES("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")),
                     PH_SASL_CHALLENGE);
    assert_bytes(sasl.challenge, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                 "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert_int_equal(ph_sasl_step(&sasl,
                                  PH_BYTES("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                           "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                                  &err),
                     PH_SASL_PROVEN);
    assert_bytes(sasl.challenge, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_int_equal(ph_sasl_step(&sasl, PH_BYTES(""), &err), PH_SASL_DONE);
}

static void scram_that_is_refused(void **state)
{
    (void)state;
    begin("SCRAM-SHA-256");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("n,a=kurt,n=ursel,r=abc"), &err), PH_EDENIED);
    begin("SCRAM-SHA-256");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("n,a=a@B.example,n=A@b.example,r=abc"), &err),
                     PH_SASL_KEYS);
    begin("SCRAM-SHA-256");
    assert_int_equal(ph_sasl_start(&sasl, true, PH_BYTES("p=tls-unique,,n=ursel,r=abc"), &err), PH_EINVALID);
    assert_bytes(sasl.challenge, "e=channel-binding-not-supported");
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(mechanisms_by_name, tear_down),
        cmocka_unit_test_teardown(plain_with_and_without_initial_response, tear_down),
        cmocka_unit_test_teardown(plain_that_is_refused, tear_down),
        cmocka_unit_test_teardown(login_asks_twice, tear_down),
        cmocka_unit_test_teardown(scram_from_first_to_last, tear_down),
        cmocka_unit_test_teardown(scram_that_is_refused, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
