/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>
#include <cmocka.h>

static const struct ph_password_cost cheap = {.memory_kib = 64, .passes = 1};

static int verify(const char *hash, const char *password)
{
    return ph_password_verify(ph_bytes_str(ph_password_alg), ph_bytes_str(hash),
                              PH_BYTES("alice@example.org"), ph_bytes_str(password), NULL);
}

static void what_is_hashed_verifies(void **state)
{
    (void)state;
    char hash[PH_PASSWORD_HASH_MAX];
    char again[PH_PASSWORD_HASH_MAX];
    assert_int_equal(ph_password_hash(PH_BYTES("pencil"), &cheap, hash, NULL), PH_OK);
    assert_int_equal(ph_password_hash(PH_BYTES("pencil"), &cheap, again, NULL), PH_OK);
    assert_string_not_equal(hash, again);
    assert_int_equal(verify(hash, "pencil"), PH_OK);
    assert_int_equal(verify(again, "pencil"), PH_OK);
    assert_int_equal(verify(hash, "pencil "), PH_EDENIED);
    assert_int_equal(verify(hash, "Pencil"), PH_EDENIED);
    assert_int_equal(verify(hash, ""), PH_EDENIED);
}

/* Made by the argon2 command of Debian (`printf pencil | argon2 somesalt16octets -id -t 3 -m 10 -p 1 -l 32 -e`). */
static void hashes_of_others_verify(void **state)
{
    (void)state;
    static const char hash[] =
        "$argon2id$v=19$m=1024,t=3,p=1$c29tZXNhbHQxNm9jdGV0cw$F7jynXuVM0ooweNn4G54+9qtVAxCclsejPomOAX+gOs";
    assert_int_equal(verify(hash, "pencil"), PH_OK);
    assert_int_equal(verify(hash, "pen"), PH_EDENIED);
}

static void the_default_cost_is_nineteen_mebibytes_and_two_passes(void **state)
{
    (void)state;
    char hash[PH_PASSWORD_HASH_MAX];
    struct ph_password_cost cost = {0};
    assert_int_equal(ph_password_hash(PH_BYTES("pencil"), &cost, hash, NULL), PH_OK);
    assert_non_null(strstr(hash, "$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_int_equal(verify(hash, "pencil"), PH_OK);
}

/* What this process may write to, as RLIMIT_DATA counts it. */
static rlim_t data_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    assert_non_null(file);
    char line[256];
    uint64_t kib = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        struct ph_bytes rest = ph_bytes_str(line);
        if (ph_bytes_starts(rest, PH_BYTES("VmData:"))) {
            rest = ph_bytes_trim(ph_bytes_from(rest, 7));
            assert_true(ph_bytes_to_u64(ph_bytes_next_word(&rest), &kib));
        }
    }
    fclose(file);
    assert_true(kib > 0);
    return (rlim_t)kib * 1024;
}

static void no_memory_is_not_another_password(void **state)
{
    (void)state;
    char hash[PH_PASSWORD_HASH_MAX];
    struct ph_password_cost cost = {.memory_kib = 65536, .passes = 1};
    assert_int_equal(ph_password_hash(PH_BYTES("pencil"), &cost, hash, NULL), PH_OK);
    pid_t child = fork();
    if (child == 0) {
        rlim_t enough_for_all_else = data_bytes() + (rlim_t)16 * 1024 * 1024;
        struct rlimit limit = {enough_for_all_else, enough_for_all_else};
        int status = setrlimit(RLIMIT_DATA, &limit);
        _exit(status == 0 && verify(hash, "pencil") == PH_EUNAVAILABLE ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_is_no_hash_is_corrupt(void **state)
{
    (void)state;
    char hash[PH_PASSWORD_HASH_MAX];
    assert_int_equal(ph_password_hash(PH_BYTES("pencil"), &cheap, hash, NULL), PH_OK);
    size_t len = strlen(hash);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(ph_password_verify(PH_BYTES("argon2id"), ph_bytes_of(hash, cut),
                                            PH_BYTES("alice@example.org"), PH_BYTES("pencil"), NULL),
                         PH_ECORRUPT);
    }
    hash[len] = 'A';
    assert_int_equal(ph_password_verify(PH_BYTES("argon2id"), ph_bytes_of(hash, len + 1),
                                        PH_BYTES("alice@example.org"), PH_BYTES("pencil"), NULL),
                     PH_ECORRUPT);
    assert_int_equal(verify("{SSHA}abc", "pencil"), PH_ECORRUPT);
    assert_int_equal(verify("$argon2id$v=19$m=0,t=1,p=1$c29tZXNhbHQxNm9jdGV0cw$", "pencil"), PH_ECORRUPT);
}

/* Made by Python's hashlib. */
static void hashes_of_james_verify(void **state)
{
    (void)state;
    struct ph_bytes hash = PH_BYTES("AHzLSK1F3OPIzFF6xRF4BsM62yg=\r\n");
    struct ph_bytes user = PH_BYTES("alice@example.org");
    assert_int_equal(ph_password_verify(PH_BYTES("SHA-1/salted"), hash, user, PH_BYTES("secret"), NULL),
                     PH_OK);
    assert_int_equal(ph_password_verify(PH_BYTES("SHA-1/salted"), hash, user, PH_BYTES("pencil"), NULL),
                     PH_EDENIED);
}

static void an_unknown_algorithm_is_said_so(void **state)
{
    (void)state;
    struct ph_error err = {0};
    assert_int_equal(ph_password_verify(PH_BYTES("crypt"), PH_BYTES("x"), PH_BYTES("alice@example.org"),
                                        PH_BYTES("x"), &err),
                     PH_ENOTFOUND);
    assert_non_null(strstr(err.text, "crypt"));
    assert_int_equal(ph_password_verify((struct ph_bytes){0}, PH_BYTES("x"), PH_BYTES("alice@example.org"),
                                        PH_BYTES("x"), &err),
                     PH_ENOTFOUND);
}

static void passwords_are_prepared(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(PH_PASSWORD_MAX);
    /* Composed and decomposed are one. */
    assert_int_equal(ph_password_prepare(PH_BYTES("schl\u00FCssel"), PH_SASLPREP_STORED, &out, NULL), PH_OK);
    struct ph_buf other = PH_BUF(PH_PASSWORD_MAX);
    assert_int_equal(ph_password_prepare(PH_BYTES("schlu\u0308ssel"), PH_SASLPREP_QUERY, &other, NULL),
                     PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&out), ph_buf_view(&other)));
    assert_int_equal(ph_password_prepare(PH_BYTES("a\tb"), PH_SASLPREP_STORED, &out, NULL), PH_EINVALID);
    assert_int_equal(ph_password_prepare(PH_BYTES(""), PH_SASLPREP_STORED, &out, NULL), PH_EINVALID);
    static const char big[PH_PASSWORD_MAX + 1] = {'x'};
    assert_int_equal(ph_password_prepare(ph_bytes_of(big, sizeof big), PH_SASLPREP_STORED, &out, NULL),
                     PH_ELIMIT);
    ph_buf_wipe(&out);
    ph_buf_wipe(&other);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_hashed_verifies),
        cmocka_unit_test(hashes_of_others_verify),
        cmocka_unit_test(the_default_cost_is_nineteen_mebibytes_and_two_passes),
        cmocka_unit_test(no_memory_is_not_another_password),
        cmocka_unit_test(what_is_no_hash_is_corrupt),
        cmocka_unit_test(hashes_of_james_verify),
        cmocka_unit_test(an_unknown_algorithm_is_said_so),
        cmocka_unit_test(passwords_are_prepared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
