/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes were computed by Python's hashlib and base64, for alice@example.org. */
#include "auth/james_password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sodium.h>
#include <cmocka.h>

static const char secret[] = "secret";
static const char other[] = "schl\u00FCssel \u20AC"; /* the euro is none of ISO 8859-1's characters */

static const struct {
    const char *algorithm;
    const char *hash;
    const char *password;
} known[] = {
    {"MD5/plain", "Xr4ilOzQ4PCOq3aQ0qbuaQ==\r\n", secret},
    {"MD5/salted", "1UppwwJsICPK71j+eltHFw==\r\n", secret},
    {"MD5/legacy", "Xr4ilOzQ4PCOq3aQ0qbu", secret},
    {"MD5/legacy_salted", "1UppwwJsICPK71j+eltH", secret},
    {"SHA-1/plain", "5en6G6MezRroT3XKqkdPOmY/BfQ=\r\n", secret},
    {"SHA-1/salted", "AHzLSK1F3OPIzFF6xRF4BsM62yg=\r\n", secret},
    {"SHA-1/legacy", "5en6G6MezRroT3XKqkdPOmY/", secret},
    {"SHA-1/legacy_salted", "AHzLSK1F3OPIzFF6xRF4BsM6", secret},
    {"SHA-224/plain", "lcf7ypKsUIOv2mKlZKPQFPw7cskUDjy5nqa/Eg==\r\n", secret},
    {"SHA-224/salted", "KFbMzaFkA2LJPI/DhEeViziLWzdLXxYQqmDq9Q==\r\n", secret},
    {"SHA-224/legacy", "lcf7ypKsUIOv2mKlZKPQFPw7cskUDjy5nqa/", secret},
    {"SHA-224/legacy_salted", "KFbMzaFkA2LJPI/DhEeViziLWzdLXxYQqmDq", secret},
    {"SHA-256/plain", "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=\r\n", secret},
    {"SHA-256/salted", "JQf1DWDIQZZshO51FHenZOii4GyDi8it2g31bMIgNz4=\r\n", secret},
    {"SHA-256/legacy", "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Un", secret},
    {"SHA-256/legacy_salted", "JQf1DWDIQZZshO51FHenZOii4GyDi8it2g31bMIg", secret},
    {"SHA-384/plain", "WKd1ukESvjAFrkQHznV9iP2nHUBJe7gCbsrFTU4//HIyzo3jq1rLMK45dg/ufFPt\r\n", secret},
    {"SHA-384/salted", "o+YbQhAn4eREdihJxtUYWEoJXaTECmPdoy9ffGSZH91ED17hnT63dM1rwhSYiv4I\r\n", secret},
    {"SHA-384/legacy", "WKd1ukESvjAFrkQHznV9iP2nHUBJe7gCbsrFTU4//HIyzo3jq1rLMK45dg/ufFPt", secret},
    {"SHA-384/legacy_salted", "o+YbQhAn4eREdihJxtUYWEoJXaTECmPdoy9ffGSZH91ED17hnT63dM1rwhSYiv4I", secret},
    {"SHA-512/plain",
     "vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufK\r\nRpayrW/isg==\r\n",
     secret},
    {"SHA-512/plain",
     "nDQLD+h6sZDK5cnqDokN6QFy+VKW2mOKY26YB45BhqPjce9Pjhtrz3FJnh48H/o9s/m/XQmw+bP4\r\n/D5RoPYpnA==\r\n",
     other},
    {"SHA-512/salted",
     "crvqNzxVNT54CZbesboO5/G5tzkUHh6YqwL0xlmFFyBWLuxCZIwVUpfC8/XchXm6BO1YHbhOs+M8\r\ne7ddMwwiyg==\r\n",
     secret},
    {"SHA-512/salted",
     "A3tKQBULwTNE99sDWjjVpSkNTHxriuZkIiJtbwdKWiMsyKDN/HpAwpUYZF0bN/9cCZGZ9ganrIQu\r\nPm8+VvyUog==\r\n",
     other},
    {"SHA-512/legacy",
     "vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufK\r\nRpayrW/i", secret},
    {"SHA-512/legacy",
     "nDQLD+h6sZDK5cnqDokN6QFy+VKW2mOKY26YB45BhqPjce9Pjhtrz3FJnh48H/o9s/m/XQmw+bP4\r\n/D5RoPYp", other},
    {"SHA-512/legacy_salted",
     "crvqNzxVNT54CZbesboO5/G5tzkUHh6YqwL0xlmFFyBWLuxCZIwVUpfC8/XchXm6BO1YHbhOs+M8\r\ne7ddMwwi", secret},
    {"SHA-512/legacy_salted",
     "A3tKQBULwTNE99sDWjjVpSkNTHxriuZkIiJtbwdKWiMsyKDN/HpAwpUYZF0bN/9cCZGZ9ganrIQu\r\nPm8+VvyU", other},
    {"PBKDF2/plain",
     "GgYYAG/yQabXGmqlQowCqtRSxoDz0V/w53+yb8wOGd6jAqLHlAD62BIUcOE8I+99IEBV4hJklG3w\r\nOo/Gjvz6hQ==\r\n",
     secret},
    {"PBKDF2-10-256/plain", "zzmg1BFZi6/o+x8faKgGahLOhta0lSV7C2PeEx5kM+c=\r\n", secret},
    {"PBKDF2-SHA512/plain",
     "w8+VwxZy/px9jlxDwvND8YC0SO1lh1FyAVK/1nBwezSj6v/OAraIEFZSIQ0fuGTLA+rEpCct3SUn\r\nDG96DwDtRQ==\r\n",
     secret},
    {"PBKDF2-SHA512/plain",
     "4KlHEUrBpYio6Wh3VMuVmobjNcEd1QKyrpMMHpmmw27XMPO2NDwdXHQAudoTdkYpk9Bz3zEoUWaQ\r\nQmMWw2lyeg==\r\n",
     other},
    {"PBKDF2-SHA512-20/salted",
     "hWEP4g+C7ufmnAWCt8ADN3fLS7yeXs8ksWUl4t6wJSOAT8Nprh4hlTJBOJUOSFgEAm+463PsOt1E\r\n/gdUz55rSg==\r\n",
     secret},
    {"PBKDF2-SHA512-2000-128/legacy", "BxuJAgaa94l8Ulvj4tkv", secret},
    {"PBKDF2-SHA512-210000-512/plain",
     "deqVngiaGk4rDpgTCCdDqI0xhodf+5Es5TFrDy+JG9UE79X0qB6lw4AhLQI9b/Ab/n4rNZbJJbCT\r\noC35QquOpQ==\r\n",
     secret},
};
enum { KNOWN_COUNT = sizeof known / sizeof known[0] };

static int verify_of(const char *user, const char *algorithm, const char *hash, const char *password)
{
    return ph_james_password_verify(ph_bytes_str(algorithm), ph_bytes_str(hash), ph_bytes_str(user),
                                    ph_bytes_str(password), NULL);
}

static int verify(const char *algorithm, const char *hash, const char *password)
{
    return verify_of("alice@example.org", algorithm, hash, password);
}

static void hashes_of_james_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        assert_int_equal(verify(known[i].algorithm, known[i].hash, known[i].password), PH_OK);
        assert_int_equal(verify(known[i].algorithm, known[i].hash, "Secret"), PH_EDENIED);
        assert_int_equal(verify(known[i].algorithm, known[i].hash, ""), PH_EDENIED);
    }
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void a_salt_is_the_users_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        bool is_salted = has(known[i].algorithm, "salted") || has(known[i].algorithm, "PBKDF2");
        assert_int_equal(verify_of("bob@example.org", known[i].algorithm, known[i].hash, known[i].password),
                         is_salted ? PH_EDENIED : PH_OK);
    }
}

/* Written by versions that knew no modes. */
static void without_a_mode_any_will_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        char name[64] = "";
        memcpy(name, known[i].algorithm, strcspn(known[i].algorithm, "/"));
        assert_int_equal(verify(name, known[i].hash, known[i].password), PH_OK);
        assert_int_equal(verify(name, known[i].hash, "Secret"), PH_EDENIED);
    }
}

static void a_mode_is_kept_to(void **state)
{
    (void)state;
    /* Plain and salted, legacy and not, do not stand for each other. */
    assert_int_equal(verify("SHA-1/plain", "AHzLSK1F3OPIzFF6xRF4BsM62yg=\r\n", secret), PH_EDENIED);
    assert_int_equal(verify("SHA-1/salted", "5en6G6MezRroT3XKqkdPOmY/BfQ=\r\n", secret), PH_EDENIED);
    assert_int_equal(verify("SHA-1/plain", "5en6G6MezRroT3XKqkdPOmY/", secret), PH_ECORRUPT);
    assert_int_equal(verify("SHA-1/legacy", "5en6G6MezRroT3XKqkdPOmY/BfQ=\r\n", secret), PH_ECORRUPT);
}

static void what_is_no_hash_is_corrupt(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "\r\n", "secret", "vSsar3708Jvp9Szi2NWZZw==", "v*sar3708Jvp"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(verify("SHA-512/plain", wrong[i], secret), PH_ECORRUPT);
        assert_int_equal(verify("SHA-512", wrong[i], secret), PH_ECORRUPT);
        assert_int_equal(verify("PBKDF2-SHA512/plain", wrong[i], secret), PH_ECORRUPT);
    }
}

static void what_is_no_algorithm_of_james_is_said_so(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "/plain",
                                        "argon2id",
                                        "SHA-3",
                                        "SHA-512/",
                                        "SHA-512/fast",
                                        "SHA-512/plain/plain",
                                        "PBKDF3",
                                        "PBKDF2-",
                                        "PBKDF2-x",
                                        "PBKDF2-0",
                                        "PBKDF2-10000001",
                                        "PBKDF2-10-4",
                                        "PBKDF2-10-8200",
                                        "PBKDF2-10-512-1",
                                        "PBKDF2-SHA512x",
                                        "PBKDF2-SHA512-99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ph_james_password_knows(ph_bytes_str(wrong[i])));
        assert_int_equal(verify(wrong[i], "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", secret),
                         PH_ENOTFOUND);
    }
    assert_true(ph_james_password_knows(PH_BYTES("sha-256/Salted")));
}

/* Octet for octet what James would have written: it compares texts. */
static void what_is_hashed_is_as_james_writes_it(void **state)
{
    (void)state;
    char hash[PH_JAMES_PASSWORD_HASH_MAX];
    assert_int_equal(ph_james_password_hash(PH_BYTES("alice@example.org"), ph_bytes_str(secret), hash, NULL),
                     PH_OK);
    assert_string_equal(known[KNOWN_COUNT - 1].algorithm, ph_james_password_algorithm);
    assert_string_equal(known[KNOWN_COUNT - 1].hash, hash);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_james_verify),
        cmocka_unit_test(a_salt_is_the_users_name),
        cmocka_unit_test(without_a_mode_any_will_do),
        cmocka_unit_test(a_mode_is_kept_to),
        cmocka_unit_test(what_is_no_hash_is_corrupt),
        cmocka_unit_test(what_is_no_algorithm_of_james_is_said_so),
        cmocka_unit_test(what_is_hashed_is_as_james_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
