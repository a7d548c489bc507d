/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>
#include <cmocka.h>

#include "base/log.h"

/* A log into memory, at a time that stands still. */
struct fixture {
    int fd;
    struct ph_clock_manual manual;
    struct ph_clock clock;
    struct ph_log log;
    char text[PH_LOG_LINE_BYTES * 4];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    unsetenv("JOURNAL_STREAM");
    f->fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(f->fd >= 0);
    f->manual.real_us = 1700000000123456U;
    f->clock = ph_clock_from_manual(&f->manual);
    ph_log_init(&f->log, f->fd, PH_LOG_KV, PH_LOG_INFO, &f->clock);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    free(f);
    return 0;
}

/* What was written since the last call. */
static const char *written(struct fixture *f)
{
    ssize_t len = pread(f->fd, f->text, sizeof f->text - 1, 0);
    assert_true(len >= 0 && (size_t)len < sizeof f->text - 1);
    f->text[len] = '\0';
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
    return f->text;
}

static void one_value(struct fixture *f, struct ph_bytes value)
{
    struct ph_log_line line;
    ph_log_begin(&line, &f->log, PH_LOG_INFO, "login");
    ph_log_bytes(&line, "user", value);
    ph_log_u64(&line, "n", 7);
    ph_log_end(&line);
}

#define KV_START "time=2023-11-14T22:13:20.123Z level=info event=login "

static void test_key_value_line(void **state)
{
    struct fixture *f = *state;
    struct ph_log_line line;
    struct ph_error err = {0};
    (void)ph_fail(&err, PH_EBUSY, "the maildrop is locked");
    ph_log_begin(&line, &f->log, PH_LOG_WARNING, "login");
    ph_log_str(&line, "user", "alice@example.org");
    ph_log_str(&line, "tls", "");
    ph_log_str(&line, "cipher", NULL);
    ph_log_u64(&line, "max", UINT64_MAX);
    ph_log_error(&line, &err);
    ph_log_end(&line);
    assert_string_equal(written(f),
                        "time=2023-11-14T22:13:20.123Z level=warning event=login user=alice@example.org "
                        "tls=\"\" cipher=\"\" max=18446744073709551615 error=busy "
                        "reason=\"the maildrop is locked\"\n");
}

/* What a peer may try: another line, another field, another end of a value, something for a terminal. */
static void test_key_value_cannot_be_forged(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct ph_bytes value;
        const char *expected;
    } cases[] = {
        {PH_BYTES("a\r\ntime=x event=login"), "\"a\\u000d\\u000atime=x event=login\""},
        {PH_BYTES("a event=y"), "\"a event=y\""},
        {PH_BYTES("a=b"), "\"a=b\""},
        {PH_BYTES("a\" event=y"), "\"a\\\" event=y\""},
        {PH_BYTES("\""), "\"\\\"\""},
        {PH_BYTES("\\"), "\"\\\\\""},
        {PH_BYTES("a\0b"), "\"a\\ufffdb\""},
        {PH_BYTES("\x1B[2J"), "\"\\u001b[2J\""},
        {PH_BYTES("\x7F"), "\"\\u007f\""},
        {PH_BYTES("\t"), "\"\\u0009\""},
        {PH_BYTES("j\xC3\xBCrgen"), "\"j\\u00fcrgen\""},
        {PH_BYTES("\xE2\x80\xAE"), "\"\\u202e\""},
        {PH_BYTES("\xF0\x9F\x98\x80"), "\"\\ud83d\\ude00\""},
        {PH_BYTES("\xFF\xC3"), "\"\\u00ff\\u00c3\""},
        {PH_BYTES("\xC2\x9B"), "\"\\u009b\""},
        {PH_BYTES("<a@b.example>"), "<a@b.example>"},
        {PH_BYTES("{"), "{"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, KV_START "user=%s n=7\n", cases[i].expected);
        one_value(f, cases[i].value);
        assert_string_equal(written(f), expected);
    }
}

static json_t *parsed(struct fixture *f)
{
    const char *text = written(f);
    size_t len = strlen(text);
    assert_true(len > 0 && text[len - 1] == '\n');
    assert_null(memchr(text, '\n', len - 1));
    json_error_t error;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        fail_msg("no JSON: %s: %s", error.text, text);
    }
    return object;
}

static void test_json_says_what_was_given(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct ph_bytes value;
        struct ph_bytes expected;
    } cases[] = {
        {PH_BYTES("alice"), PH_BYTES("alice")},
        {PH_BYTES(""), PH_BYTES("")},
        {PH_BYTES("\",\"event\":\"x"), PH_BYTES("\",\"event\":\"x")},
        {PH_BYTES("}\r\n{\\"), PH_BYTES("}\r\n{\\")},
        {PH_BYTES("{"), PH_BYTES("{")},
        {PH_BYTES("j\xC3\xBCrgen \xF0\x9F\x98\x80"), PH_BYTES("j\xC3\xBCrgen \xF0\x9F\x98\x80")},
        {PH_BYTES("\xFF"), PH_BYTES("\xC3\xBF")},
        {PH_BYTES("a\0b"), PH_BYTES("a\xEF\xBF\xBD"
                                    "b")},
    };
    f->log.format = PH_LOG_JSON;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        one_value(f, cases[i].value);
        json_t *object = parsed(f);
        assert_int_equal(json_object_size(object), 5);
        assert_string_equal(json_string_value(json_object_get(object, "time")), "2023-11-14T22:13:20.123Z");
        assert_string_equal(json_string_value(json_object_get(object, "level")), "info");
        assert_string_equal(json_string_value(json_object_get(object, "event")), "login");
        assert_int_equal(json_integer_value(json_object_get(object, "n")), 7);
        json_t *user = json_object_get(object, "user");
        assert_true(
            ph_bytes_eq(ph_bytes_of(json_string_value(user), json_string_length(user)), cases[i].expected));
        json_decref(object);
    }
}

/* Whatever is logged, a line stays one line, under its maximum, and valid. */
static void test_any_octets_make_one_valid_line(void **state)
{
    struct fixture *f = *state;
    uint32_t random = 1;
    for (int round = 0; round < 2000; round++) {
        struct ph_log_line line;
        f->log.format = round % 2 == 0 ? PH_LOG_JSON : PH_LOG_KV;
        ph_log_begin(&line, &f->log, PH_LOG_INFO, "x");
        for (unsigned field = 0; field < 12; field++) {
            uint8_t value[700];
            char key[16];
            random = random * 1664525U + 1013904223U;
            size_t len = (random >> 8) % sizeof value;
            for (size_t i = 0; i < len; i++) {
                random = random * 1664525U + 1013904223U;
                value[i] = round % 3 == 0 ? 'a' : (uint8_t)(random >> 24);
            }
            snprintf(key, sizeof key, "key%u", field);
            if (len % 5 == 0) {
                ph_log_u64(&line, key, INT64_MAX); /* the most that the parser takes */
            } else {
                ph_log_bytes(&line, key, ph_bytes_of(value, len));
            }
        }
        ph_log_end(&line);
        if (f->log.format == PH_LOG_JSON) {
            json_decref(parsed(f));
        } else {
            const char *text = written(f);
            size_t len = strlen(text);
            assert_true(len > 1 && len <= PH_LOG_LINE_BYTES);
            for (size_t i = 0; i < len - 1; i++) {
                assert_in_range(text[i], 0x20, 0x7E);
            }
            assert_int_equal(text[len - 1], '\n');
        }
    }
}

static void test_long_values_are_cut_with_a_mark(void **state)
{
    struct fixture *f = *state;
    static uint8_t longer[1000];
    memset(longer, 'x', sizeof longer);
    one_value(f, ph_bytes_of(longer, 512));
    assert_non_null(strstr(written(f), "xxx n=7\n"));
    one_value(f, ph_bytes_of(longer, 513));
    assert_non_null(strstr(written(f), "xxx...\" n=7\n"));
    /* A line without room for more cuts with the same mark, and leaves out what finds no room at all. */
    struct ph_log_line line;
    ph_log_begin(&line, &f->log, PH_LOG_INFO, "x");
    for (int i = 0; i < 4; i++) {
        ph_log_bytes(&line, "k", ph_bytes_of(longer, 500));
    }
    ph_log_u64(&line, "lost", 1);
    ph_log_end(&line);
    const char *text = written(f);
    assert_true(strlen(text) <= PH_LOG_LINE_BYTES);
    assert_non_null(strstr(text, "xxx...\"\n"));
    assert_null(strstr(text, "lost"));
    /* A character is not cut in two. */
    f->log.format = PH_LOG_JSON;
    for (size_t i = 0; i < sizeof longer; i++) {
        longer[i] = i % 2 == 0 ? 0xC3 : 0xBC;
    }
    one_value(f, ph_bytes_of(longer + 1, 600));
    json_decref(parsed(f));
}

static void test_levels(void **state)
{
    struct fixture *f = *state;
    ph_log_event(&f->log, PH_LOG_DEBUG, "x", "%s", "unseen");
    assert_string_equal(written(f), "");
    ph_log_event(&f->log, PH_LOG_INFO, "start", "%s", "");
    assert_string_equal(written(f), "time=2023-11-14T22:13:20.123Z level=info event=start\n");
    ph_log_event(&f->log, PH_LOG_ERROR, "stop", "%s %d", "because", 1);
    assert_string_equal(written(f),
                        "time=2023-11-14T22:13:20.123Z level=error event=stop reason=\"because 1\"\n");
    assert_false(ph_log_is_on(&f->log, PH_LOG_DEBUG));
    assert_true(ph_log_is_on(&f->log, PH_LOG_INFO));
}

/* sd-daemon(3): the priority in front; the journal has the time itself. */
static void test_journal_lines(void **state)
{
    struct fixture *f = *state;
    f->log.is_journal = true;
    one_value(f, PH_BYTES("alice"));
    assert_string_equal(written(f), "<6>level=info event=login user=alice n=7\n");
    ph_log_event(&f->log, PH_LOG_ERROR, "x", "%s", "");
    assert_string_equal(written(f), "<3>level=error event=x\n");
    f->log.format = PH_LOG_JSON;
    one_value(f, PH_BYTES("alice"));
    assert_string_equal(written(f),
                        "<6>{\"level\":\"info\",\"event\":\"login\",\"user\":\"alice\",\"n\":7}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_value_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_value_cannot_be_forged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_says_what_was_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_octets_make_one_valid_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_values_are_cut_with_a_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_journal_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
