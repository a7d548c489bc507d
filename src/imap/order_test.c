/* SPDX-License-Identifier: Apache-2.0 */
/* Messages are given by their fields, numbered as they come; answers are what the wire would have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imap/order.h"

static struct ph_arena arena;
static struct ph_buf out = PH_BUF(1024 * 1024);

static struct ph_imap_order *order_of(const struct ph_imap_search *search, bool is_thread,
                                      const char *const *messages)
{
    struct ph_imap_order *order = ph_imap_order_new(search, is_thread);
    for (uint32_t i = 0; messages[i] != NULL; i++) {
        struct ph_view_row row = {.number = i + 1,
                                  .message = {.size = 100 - i, .internal_date_ms = (int64_t)i * 1000}};
        ph_imap_order_add(order, i + 1, &row, ph_bytes_str(messages[i]), &arena);
    }
    ph_buf_clear(&out);
    return order;
}

static void expect_sorted(enum ph_imap_sort_by by, bool is_reverse, const char *const *messages,
                          const char *wanted)
{
    struct ph_imap_sort_criterion criterion = {by, is_reverse};
    struct ph_imap_search search = {.sort = &criterion, .sort_count = 1};
    struct ph_imap_order *order = order_of(&search, false, messages);
    struct ph_imap_found found = ph_imap_order_sort(order);
    for (size_t i = 0; i < found.count; i++) {
        ph_buf_printf(&out, "%s%u", i == 0 ? "" : " ", found.numbers[i]);
    }
    assert_string_equal(ph_buf_cstr(&out), wanted);
    ph_imap_order_free(&order);
}

static void expect_threads(enum ph_imap_thread_by by, const char *const *messages, const char *wanted)
{
    struct ph_imap_search search = {.thread = by};
    struct ph_imap_order *order = order_of(&search, true, messages);
    ph_imap_order_thread(order, &out, NULL, false);
    assert_string_equal(ph_buf_cstr(&out), wanted);
    ph_imap_order_free(&order);
}

static void sorting(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "Subject: Re: beta\r\nFrom: Zoe <b@x>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n",
        "Subject: alpha\r\nFrom: a@y\r\nDate: Sun, 22 Nov 2026 10:30:00 +0200\r\n",
        "Subject: [list] Beta (fwd)\r\nFrom: =?utf-8?q?=C3=A9mile?= <c@x>\r\n",
        NULL,
    };
    expect_sorted(PH_IMAP_SORT_SUBJECT, false, messages, "2 1 3");
    expect_sorted(PH_IMAP_SORT_SUBJECT, true, messages, "1 3 2");
    expect_sorted(PH_IMAP_SORT_FROM, false, messages, "2 1 3");
    expect_sorted(PH_IMAP_SORT_DATE, false, messages, "3 2 1"); /* without a Date it is the internal date */
    expect_sorted(PH_IMAP_SORT_SIZE, false, messages, "3 2 1");
    expect_sorted(PH_IMAP_SORT_ARRIVAL, true, messages, "3 2 1");
    expect_sorted(PH_IMAP_SORT_DISPLAYFROM, false, messages, "2 3 1");
    expect_sorted(PH_IMAP_SORT_CC, true, messages, "1 2 3");
}

static void threads_by_subject(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "Subject: a\r\n",     "Subject: b\r\n",     "Subject: Re: a\r\n",
        "Subject: re: A\r\n", "Subject: Re: b\r\n", NULL,
    };
    expect_threads(PH_IMAP_THREAD_ORDEREDSUBJECT, messages, "(1 (3)(4))(2 5)");
    expect_threads(PH_IMAP_THREAD_ORDEREDSUBJECT, messages + 5, "");
}

static void threads_by_references(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "Message-ID: <1@x>\r\nSubject: a\r\n",
        "Message-ID: <2@x>\r\nReferences: <1@x>\r\nSubject: Re: a\r\n",
        "Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\nSubject: Re: a\r\n",
        "Message-ID: <4@x>\r\nIn-Reply-To: your mail <1@x>\r\nSubject: other\r\n",
        "Message-ID: <5@x>\r\nSubject: alone\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, messages, "(1 (2 3)(4))(5)");
}

/* RFC 5256 section 3, (3): a message that nobody has holds its answers together if there are several. */
static void what_is_missing(void **state)
{
    (void)state;
    static const char *const several[] = {
        "Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\nSubject: b\r\n",
        "Message-ID: <3@x>\r\nReferences: <0@x> <1@x>\r\nSubject: c\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, several, "((1)(2))");
    static const char *const one[] = {
        "Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\nSubject: b\r\n",
        "Message-ID: <3@x>\r\nReferences: <2@x>\r\nSubject: c\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, one, "(1 2)");
}

/* (5): what has one subject is one thread, though nobody refers to anybody. */
static void subjects_tie_threads(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "Message-ID: <1@x>\r\nSubject: a\r\n",
        "Message-ID: <2@x>\r\nSubject: Re: a\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, replies, "(1 2)");
    static const char *const equals[] = {
        "Message-ID: <1@x>\r\nSubject: a\r\n",
        "Message-ID: <2@x>\r\nSubject: a\r\n",
        "Message-ID: <3@x>\r\nSubject: a\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, equals, "((1)(2)(3))");
    static const char *const empty[] = {"Message-ID: <1@x>\r\n", "Message-ID: <2@x>\r\n", NULL};
    expect_threads(PH_IMAP_THREAD_REFERENCES, empty, "(1)(2)");
}

static void loops_and_doubles(void **state)
{
    (void)state;
    static const char *const loop[] = {
        "Message-ID: <1@x>\r\nReferences: <2@x>\r\nSubject: a\r\n",
        "Message-ID: <2@x>\r\nReferences: <1@x>\r\nSubject: b\r\n",
        "Message-ID: <3@x>\r\nReferences: <3@x>\r\nSubject: c\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, loop, "(2 1)(3)");
    static const char *const doubles[] = {
        "Message-ID: <1@x>\r\nSubject: a\r\n",
        "Message-ID: <1@x>\r\nSubject: b\r\n",
        "Message-ID: <3@x>\r\nReferences: <1@x>\r\nSubject: c\r\n",
        NULL,
    };
    expect_threads(PH_IMAP_THREAD_REFERENCES, doubles, "(1 3)(2)");
}

/* One chain as long as a mailbox: nothing recurses, every message is there once. */
static void a_long_chain(void **state)
{
    (void)state;
    enum { MESSAGES = 3000 };
    static const char *messages[MESSAGES + 1];
    for (int i = 0; i < MESSAGES; i++) {
        messages[i] = ph_arena_printf(&arena, "Message-ID: <%d@x>\r\nReferences: <%d@x>\r\n", i, i - 1);
    }
    struct ph_imap_search search = {.thread = PH_IMAP_THREAD_REFERENCES};
    struct ph_imap_order *order = order_of(&search, true, messages);
    ph_imap_order_thread(order, &out, NULL, false);
    size_t numbers = 0;
    for (size_t i = 0; i < out.len; i++) {
        bool is_digit = out.ptr[i] >= '0' && out.ptr[i] <= '9';
        numbers += is_digit && !(out.ptr[i - 1] >= '0' && out.ptr[i - 1] <= '9') ? 1 : 0;
    }
    assert_int_equal(numbers, MESSAGES);
    ph_imap_order_free(&order);
}

static int begin(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    ph_buf_fini(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting),
        cmocka_unit_test(threads_by_subject),
        cmocka_unit_test(threads_by_references),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(subjects_tie_threads),
        cmocka_unit_test(loops_and_doubles),
        cmocka_unit_test(a_long_chain),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
