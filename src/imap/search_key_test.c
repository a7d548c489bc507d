/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imap/search.h"

static struct ph_arena arena;
static struct ph_view_message message;
static struct ph_view_row row;
static struct ph_imap_facts facts;
static struct ph_imap_search_needs needs;

/* 2026-11-22 20:35 UTC */
static const int64_t EVENING_MS = INT64_C(1795379700000);
enum { EVENING_DAY = 20779 };

static int begin(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    message = (struct ph_view_message){
        .modseq = 7, .size = 1000, .internal_date_ms = EVENING_MS, .uid = 40, .flags = PH_FLAG_SEEN};
    row = (struct ph_view_row){.number = 4, .save_date_ms = EVENING_MS + 86400000, .has_save_date = true};
    facts = (struct ph_imap_facts){.number = 4,
                                   .message = &message,
                                   .flags = PH_FLAG_SEEN,
                                   .keywords = PH_BYTES("$Work later"),
                                   .now_ms = EVENING_MS + 60000};
    needs = (struct ph_imap_search_needs){.row = false};
    return 0;
}

static int end(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    return 0;
}

static const char *prepare(struct ph_imap_search_key *key, const char *charset)
{
    static const struct ph_imap_set saved = {.ranges = NULL};
    const struct ph_imap_search_mailbox mailbox = {.count = 9, .largest_uid = 90, .saved = &saved};
    return ph_imap_search_prepare(key, ph_bytes_str(charset), &mailbox, &arena, &needs);
}

static void expect(struct ph_imap_search_key key, enum ph_imap_truth wanted)
{
    needs = (struct ph_imap_search_needs){.row = false};
    assert_null(prepare(&key, ""));
    assert_int_equal(ph_imap_search_judge(&key, &facts), wanted);
}

static void know_fields(const char *fields)
{
    facts.row = &row;
    facts.has_fields = true;
    facts.fields = ph_bytes_str(fields);
}

#define KEY(...) ((struct ph_imap_search_key){__VA_ARGS__})

static void what_the_view_knows(void **state)
{
    (void)state;
    expect(KEY(.kind = PH_IMAP_KEY_ALL), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_FLAG, .flag = PH_FLAG_SEEN), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_FLAG, .flag = PH_FLAG_DELETED), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_NEW), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_KEYWORD, .text = PH_BYTES("$work")), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_KEYWORD, .text = PH_BYTES("$wor")), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_LARGER, .number = 999), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_LARGER, .number = 1000), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_SMALLER, .number = 1001), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_MODSEQ, .number = 7), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_MODSEQ, .number = 8), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_EMAILID, .text = PH_BYTES("00000000-0000-0000-0000-000000000000")),
           PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_THREADID, .text = PH_BYTES("x")), PH_IMAP_NO);
    assert_false(needs.row);
}

static void sets(void **state)
{
    (void)state;
    struct ph_uid_range numbers[] = {{7, 3}};
    struct ph_uid_range star[] = {{PH_IMAP_STAR, PH_IMAP_STAR}};
    struct ph_uid_range uids[] = {{39, 41}};
    expect(KEY(.kind = PH_IMAP_KEY_SET, .set = {.ranges = numbers, .count = 1}), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_SET, .set = {.ranges = star, .count = 1}), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_UID, .set = {.ranges = uids, .count = 1}), PH_IMAP_YES);
    /* Nothing was saved. */
    expect(KEY(.kind = PH_IMAP_KEY_SET, .set = {.is_saved = true}), PH_IMAP_NO);
}

static void days(void **state)
{
    (void)state;
    expect(KEY(.kind = PH_IMAP_KEY_ON, .day = EVENING_DAY), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_BEFORE, .day = EVENING_DAY), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_BEFORE, .day = EVENING_DAY + 1), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_SINCE, .day = EVENING_DAY), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_YOUNGER, .number = 60), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_YOUNGER, .number = 59), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_OLDER, .number = 60), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_OLDER, .number = UINT64_MAX), PH_IMAP_NO);
    message.internal_date_ms = -1;
    expect(KEY(.kind = PH_IMAP_KEY_ON, .day = -1), PH_IMAP_YES);
}

static void what_is_not_known_yet(void **state)
{
    (void)state;
    message.size = PH_VIEW_UNKNOWN;
    message.internal_date_ms = PH_VIEW_NO_DATE;
    expect(KEY(.kind = PH_IMAP_KEY_LARGER, .number = 1), PH_IMAP_UNKNOWN);
    expect(KEY(.kind = PH_IMAP_KEY_ON, .day = EVENING_DAY), PH_IMAP_UNKNOWN);
    expect(KEY(.kind = PH_IMAP_KEY_SAVEDON, .day = EVENING_DAY + 1), PH_IMAP_UNKNOWN);
    row.message.size = 5;
    row.message.internal_date_ms = EVENING_MS;
    facts.row = &row;
    expect(KEY(.kind = PH_IMAP_KEY_LARGER, .number = 4), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_ON, .day = EVENING_DAY), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_SAVEDON, .day = EVENING_DAY + 1), PH_IMAP_YES);
    row.has_save_date = false;
    expect(KEY(.kind = PH_IMAP_KEY_SAVEDON, .day = EVENING_DAY), PH_IMAP_YES);
}

static void fields(void **state)
{
    (void)state;
    struct ph_imap_search_key from = {
        .kind = PH_IMAP_KEY_HEADER, .name = PH_BYTES("FROM"), .text = PH_BYTES("MÜLLER")};
    struct ph_imap_search_key has_bcc = {
        .kind = PH_IMAP_KEY_HEADER, .name = PH_BYTES("Bcc"), .text = PH_BYTES("")};
    struct ph_imap_search_key other = {
        .kind = PH_IMAP_KEY_HEADER, .name = PH_BYTES("X-Spam"), .text = PH_BYTES("yes")};
    expect(from, PH_IMAP_UNKNOWN);
    know_fields("From: =?ISO-8859-1?Q?J=F6rg_M=FCller?= <j@m.example>\r\nSubject: a\r\n b\r\n");
    expect(from, PH_IMAP_YES);
    expect(has_bcc, PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_HEADER, .name = PH_BYTES("subject"), .text = PH_BYTES("A B")),
           PH_IMAP_YES);
    expect(other, PH_IMAP_UNKNOWN);
    assert_true(needs.header);
    facts.has_header = true;
    facts.header = PH_BYTES("X-Spam: YES\r\nBcc:\r\n\r\n");
    expect(other, PH_IMAP_YES);
    expect(has_bcc, PH_IMAP_YES);
}

/* RFC 9051 section 6.4.4: the day that stands in the Date field, whatever the zone. */
static void days_of_sending(void **state)
{
    (void)state;
    know_fields("Date: Sun, 22 Nov 2026 23:59:00 -1200\r\n");
    expect(KEY(.kind = PH_IMAP_KEY_SENTON, .day = EVENING_DAY), PH_IMAP_YES);
    expect(KEY(.kind = PH_IMAP_KEY_SENTBEFORE, .day = EVENING_DAY), PH_IMAP_NO);
    know_fields("Date: rubbish\r\n");
    expect(KEY(.kind = PH_IMAP_KEY_SENTSINCE, .day = 0), PH_IMAP_NO);
}

static void texts(void **state)
{
    (void)state;
    const bool found[] = {true};
    const bool not_found[] = {false};
    struct ph_imap_search_key body = {.kind = PH_IMAP_KEY_BODY, .text = PH_BYTES("needle")};
    struct ph_imap_search_key text = {.kind = PH_IMAP_KEY_TEXT, .text = PH_BYTES("needle")};
    facts.has_header = true;
    facts.header = PH_BYTES("Subject: A NEEDLE\r\n\r\n");
    expect(body, PH_IMAP_UNKNOWN);
    expect(text, PH_IMAP_YES);
    facts.found = not_found;
    expect(body, PH_IMAP_NO);
    facts.found = found;
    facts.header = PH_BYTES("Subject: hay\r\n\r\n");
    expect(text, PH_IMAP_YES);
    assert_int_equal(needs.text_count, 1);
}

/* What is decided needs nothing more. */
static void unknowns_together(void **state)
{
    (void)state;
    struct ph_imap_search_key yes = {.kind = PH_IMAP_KEY_ALL};
    struct ph_imap_search_key no = {.kind = PH_IMAP_KEY_THREADID};
    struct ph_imap_search_key unknown = {.kind = PH_IMAP_KEY_BODY, .text = PH_BYTES("x")};
    unknown.next = &no;
    expect(KEY(.kind = PH_IMAP_KEY_AND, .children = &unknown), PH_IMAP_NO);
    expect(KEY(.kind = PH_IMAP_KEY_OR, .children = &unknown), PH_IMAP_UNKNOWN);
    unknown.next = &yes;
    expect(KEY(.kind = PH_IMAP_KEY_AND, .children = &unknown), PH_IMAP_UNKNOWN);
    expect(KEY(.kind = PH_IMAP_KEY_OR, .children = &unknown), PH_IMAP_YES);
    unknown.next = NULL;
    expect(KEY(.kind = PH_IMAP_KEY_NOT, .children = &unknown), PH_IMAP_UNKNOWN);
    expect(KEY(.kind = PH_IMAP_KEY_NOT, .children = &no), PH_IMAP_YES);
}

static void charsets(void **state)
{
    (void)state;
    struct ph_imap_search_key key = {
        .kind = PH_IMAP_KEY_HEADER, .name = PH_BYTES("Subject"), .text = PH_BYTES("caf\xe9")};
    assert_null(prepare(&key, "iso-8859-1"));
    know_fields("Subject: Caf\xc3\xa9\r\n");
    assert_int_equal(ph_imap_search_judge(&key, &facts), PH_IMAP_YES);
    assert_non_null(prepare(&key, "x-no-such-charset"));
}

static void a_budget_of_texts(void **state)
{
    (void)state;
    struct ph_imap_search_key keys[PH_IMAP_TEXT_KEYS_MAX + 1];
    struct ph_imap_search_key all = {.kind = PH_IMAP_KEY_AND, .children = &keys[0]};
    for (size_t i = 0; i <= PH_IMAP_TEXT_KEYS_MAX; i++) {
        keys[i] = (struct ph_imap_search_key){.kind = PH_IMAP_KEY_BODY, .text = PH_BYTES("x")};
        keys[i].next = i < PH_IMAP_TEXT_KEYS_MAX ? &keys[i + 1] : NULL;
    }
    assert_non_null(prepare(&all, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_view_knows, begin, end),
        cmocka_unit_test_setup_teardown(sets, begin, end),
        cmocka_unit_test_setup_teardown(days, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known_yet, begin, end),
        cmocka_unit_test_setup_teardown(fields, begin, end),
        cmocka_unit_test_setup_teardown(days_of_sending, begin, end),
        cmocka_unit_test_setup_teardown(texts, begin, end),
        cmocka_unit_test_setup_teardown(unknowns_together, begin, end),
        cmocka_unit_test_setup_teardown(charsets, begin, end),
        cmocka_unit_test_setup_teardown(a_budget_of_texts, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
