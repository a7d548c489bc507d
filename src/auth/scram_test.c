/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sodium.h>
#include <cmocka.h>

#include "auth/auth.h"

/* The exchange of RFC 7677 section 3: user "user", password "pencil". */
#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define NONCE CLIENT_NONCE SERVER_NONCE
#define CLIENT_FIRST "n,,n=user,r=" CLIENT_NONCE
#define SERVER_FIRST "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define CLIENT_FINAL "c=biws,r=" NONCE ",p=" PROOF
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct ph_arena arena;
static struct ph_scram scram;
static struct ph_error err;

static int set_up(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    ph_scram_init(&scram, &arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_scram_fini(&scram);
    ph_arena_fini(&arena);
    return 0;
}

static void assert_bytes(struct ph_bytes got, const char *want)
{
    if (!ph_bytes_eq(got, ph_bytes_str(want))) {
        fail_msg("\"%.*s\" instead of \"%s\"", (int)got.len, (const char *)got.ptr, want);
    }
}

static void derive_pencil(struct ph_scram_keys *keys)
{
    struct ph_buf salt = PH_BUF(64);
    assert_int_equal(ph_base64_decode(PH_BYTES("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt), PH_OK);
    ph_scram_derive(PH_BYTES("pencil"), ph_buf_view(&salt), 4096, keys);
    ph_buf_fini(&salt);
}

static void challenge(bool is_known)
{
    struct ph_scram_keys keys = {0};
    derive_pencil(&keys);
    assert_int_equal(ph_scram_client_first(&scram, PH_BYTES(CLIENT_FIRST), &err), PH_OK);
    assert_bytes(ph_scram_server_first(&scram, &keys, is_known, PH_BYTES(SERVER_NONCE)), SERVER_FIRST);
}

static void the_example_of_rfc_7677(void **state)
{
    (void)state;
    struct ph_bytes final;
    challenge(true);
    assert_bytes(scram.user, "user");
    assert_int_equal(scram.authzid.len, 0);
    assert_int_equal(ph_scram_client_final(&scram, PH_BYTES(CLIENT_FINAL), &final, &err), PH_OK);
    assert_bytes(final, SERVER_FINAL);
}

static void made_up_keys_never_fit(void **state)
{
    (void)state;
    struct ph_bytes final;
    challenge(false);
    assert_int_equal(ph_scram_client_final(&scram, PH_BYTES(CLIENT_FINAL), &final, &err), PH_EDENIED);
    assert_bytes(ph_scram_error(&scram), "e=invalid-proof");
}

static void names_and_escapes(void **state)
{
    (void)state;
    assert_int_equal(ph_scram_client_first(&scram, PH_BYTES("y,a=x=2Cy=3D,n=a=3Db=2Cc,r=abc,z=ext=1"), &err),
                     PH_OK);
    assert_bytes(scram.authzid, "x,y=");
    assert_bytes(scram.user, "a=b,c");
    assert_bytes(scram.nonce, "abc");
    assert_bytes(scram.gs2_header, "y,a=x=2Cy=3D,");
    assert_bytes(scram.client_first_bare, "n=a=3Db=2Cc,r=abc,z=ext=1");
}

static void first_messages_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *error;
    } wrong[] = {
        {"", "e=invalid-encoding"},
        {"n,,n=\xFF,r=abc", "e=invalid-encoding"},
        {"p=tls-unique,,n=user,r=abc", "e=channel-binding-not-supported"},
        {"x,,n=user,r=abc", "e=other-error"},
        {"n", "e=other-error"},
        {"n,", "e=other-error"},
        {"n,,", "e=other-error"},
        {"n,b=x,n=user,r=abc", "e=other-error"},
        {"n,a=,n=user,r=abc", "e=invalid-username-encoding"},
        {"n,a==2c,n=user,r=abc", "e=invalid-username-encoding"},
        {"n,,n=,r=abc", "e=invalid-username-encoding"},
        {"n,,n=us=er,r=abc", "e=invalid-username-encoding"},
        {"n,,n=user=2,r=abc", "e=invalid-username-encoding"},
        {"n,,n=user=,r=abc", "e=invalid-username-encoding"},
        {"n,,n=user=2D,r=abc", "e=invalid-username-encoding"},
        {"n,,m=x,n=user,r=abc", "e=extensions-not-supported"},
        {"n,,n=user,r=abc,m=x", "e=extensions-not-supported"},
        {"n,,n=user,r=abc,x", "e=extensions-not-supported"},
        {"n,,n=user,r=abc,x=", "e=extensions-not-supported"},
        {"n,,n=user,r=abc,1=x", "e=extensions-not-supported"},
        {"n,,n=user,r=abc,", "e=extensions-not-supported"},
        {"n,,n=user", "e=other-error"},
        {"n,,r=abc,n=user", "e=other-error"},
        {"n,,n=user,r=", "e=other-error"},
        {"n,,n=user,r=a b", "e=other-error"},
        {"n,,n=user,r=\u00FC", "e=other-error"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ph_scram_init(&scram, &arena);
        if (ph_scram_client_first(&scram, ph_bytes_str(wrong[i].message), &err) != PH_EINVALID) {
            fail_msg("\"%s\" was taken", wrong[i].message);
        }
        assert_bytes(ph_scram_error(&scram), wrong[i].error);
    }
    ph_scram_init(&scram, &arena);
    assert_int_equal(ph_scram_client_first(&scram, PH_BYTES("n,,n=us\0er,r=abc"), &err), PH_EINVALID);
}

static void first_messages_have_budgets(void **state)
{
    (void)state;
    struct ph_buf text = PH_BUF(PH_SCRAM_MESSAGE_MAX + 1);
    ph_buf_str(&text, "n,,n=user,r=");
    while (text.len < 12 + 257) {
        ph_buf_byte(&text, 'x');
    }
    assert_int_equal(ph_scram_client_first(&scram, ph_buf_view(&text), &err), PH_EINVALID);
    text.len--;
    assert_int_equal(ph_scram_client_first(&scram, ph_buf_view(&text), &err), PH_OK);
    ph_buf_str(&text, ",x=");
    while (text.len < PH_SCRAM_MESSAGE_MAX) {
        ph_buf_byte(&text, 'x');
    }
    assert_int_equal(ph_scram_client_first(&scram, ph_buf_view(&text), &err), PH_OK);
    ph_buf_byte(&text, 'x');
    assert_int_equal(ph_scram_client_first(&scram, ph_buf_view(&text), &err), PH_EINVALID);
    ph_buf_fini(&text);
}

static void final_messages_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int result;
        const char *error;
    } wrong[] = {
        {"", PH_EINVALID, "e=other-error"},
        {"c=biws", PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE, PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE ",p=" PROOF ",x=y", PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE ",p=" PROOF ",", PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE ",m=x,p=" PROOF, PH_EINVALID, "e=other-error"},
        {"c=biws,p=" PROOF ",r=" NONCE, PH_EINVALID, "e=other-error"},
        {"r=" NONCE ",c=biws,p=" PROOF, PH_EINVALID, "e=other-error"},
        {"c=eSws,r=" NONCE ",p=" PROOF, PH_EINVALID, "e=channel-bindings-dont-match"},
        {"c=,r=" NONCE ",p=" PROOF, PH_EINVALID, "e=channel-bindings-dont-match"},
        {"c=biwsbiws,r=" NONCE ",p=" PROOF, PH_EINVALID, "e=channel-bindings-dont-match"},
        {"c=biws,r=" CLIENT_NONCE ",p=" PROOF, PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE "0,p=" PROOF, PH_EINVALID, "e=other-error"},
        {"c=biws,r=" NONCE ",p=", PH_EINVALID, "e=invalid-encoding"},
        {"c=biws,r=" NONCE ",p=dHzb", PH_EINVALID, "e=invalid-encoding"},
        {"c=biws,r=" NONCE ",p=" PROOF "AAAA", PH_EINVALID, "e=invalid-encoding"},
        {"c=biws,r=" NONCE ",p=!Hzb", PH_EINVALID, "e=invalid-encoding"},
        /* Right in form, another proof; and the right proof for another message. */
        {"c=biws,r=" NONCE ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", PH_EDENIED, "e=invalid-proof"},
        {"c=biws,r=" NONCE ",x=y,p=" PROOF, PH_EDENIED, "e=invalid-proof"},
    };
    struct ph_bytes final = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ph_scram_init(&scram, &arena);
        challenge(true);
        if (ph_scram_client_final(&scram, ph_bytes_str(wrong[i].message), &final, &err) != wrong[i].result) {
            fail_msg("\"%s\": %s", wrong[i].message, err.text);
        }
        assert_bytes(ph_scram_error(&scram), wrong[i].error);
        assert_int_equal(final.len, 0);
    }
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_example_of_rfc_7677, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_up_keys_never_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_and_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_messages_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_messages_have_budgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(final_messages_that_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
