/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TIME_UUID "7b4d3c80-c8a5-11f0-8bad-0f1e2d3c4b5a"
#define RANDOM_UUID "7b4d3c80-c8a5-41f0-8bad-0f1e2d3c4b5a"

static struct ph_blob_id parse(const char *text)
{
    struct ph_blob_id id;
    assert_int_equal(ph_blob_id_parse(ph_bytes_str(text), &id), PH_OK);
    return id;
}

static void assert_text(const struct ph_blob_id *id, const char *text)
{
    char out[PH_BLOB_ID_TEXT_MAX + 1];
    struct ph_bytes formatted = ph_blob_id_format(id, out);
    assert_string_equal(out, text);
    assert_int_equal(formatted.len, strlen(text));
}

static void a_time_uuid_is_octets_in_the_database(void **state)
{
    (void)state;
    struct ph_blob_id id = parse(TIME_UUID);
    assert_true(id.has_uuid);
    struct ph_value value = ph_blob_id_value(&id);
    assert_int_equal(value.type, PH_VALUE_UUID);
    struct ph_uuid uuid;
    assert_int_equal(ph_uuid_parse(PH_BYTES(TIME_UUID), &uuid), PH_OK);
    assert_true(ph_uuid_eq(&value.uuid, &uuid));
    assert_text(&id, TIME_UUID);
    struct ph_blob_id same = ph_blob_id_of(&uuid);
    assert_true(ph_blob_id_eq(&id, &same));
}

static void other_names_stay_the_text_they_are(void **state)
{
    (void)state;
    static const char *const names[] = {
        RANDOM_UUID,
        "7B4D3C80-C8A5-11F0-8BAD-0F1E2D3C4B5A",
        "1_628_36825033-d835-4490-9f5a-eef120b1e85c",
        "cbd8df1e2b1a3d3c4b5a6978_8d",
        "x",
        TIME_UUID "x",
        TIME_UUID "+",
        TIME_UUID "+1",
        TIME_UUID "+02",
        TIME_UUID "+65536",
        TIME_UUID "+100000",

    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ph_blob_id id = parse(names[i]);
        assert_false(id.has_uuid);
        assert_int_equal(id.copies, 0);
        struct ph_value value = ph_blob_id_value(&id);
        assert_int_equal(value.type, PH_VALUE_TEXT);
        assert_true(ph_bytes_eq(value.bytes, ph_bytes_str(names[i])));
        assert_text(&id, names[i]);
    }
}

static void a_shared_blob_says_by_how_many(void **state)
{
    (void)state;
    struct ph_uuid uuid;
    assert_int_equal(ph_uuid_parse(PH_BYTES(TIME_UUID), &uuid), PH_OK);
    static const struct {
        uint16_t copies;
        const char *text;
    } cases[] = {{2, TIME_UUID "+2"}, {10, TIME_UUID "+10"}, {65535, TIME_UUID "+65535"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ph_blob_id made = ph_blob_id_shared(&uuid, cases[i].copies);
        assert_text(&made, cases[i].text);
        struct ph_blob_id id = parse(cases[i].text);
        assert_true(ph_blob_id_eq(&made, &id));
        assert_true(id.has_uuid && ph_uuid_eq(&id.uuid, &uuid));
        assert_int_equal(id.copies, cases[i].copies);
        assert_int_equal(ph_blob_id_value(&id).type, PH_VALUE_TEXT);
    }
    struct ph_blob_id alone = ph_blob_id_shared(&uuid, 1);
    struct ph_blob_id plain = ph_blob_id_of(&uuid);
    assert_true(ph_blob_id_eq(&alone, &plain));
    struct ph_blob_id two = ph_blob_id_shared(&uuid, 2);
    assert_false(ph_blob_id_eq(&two, &plain));
}

static void what_cannot_be_a_name_is_refused(void **state)
{
    (void)state;
    struct ph_blob_id id;
    char text[PH_BLOB_ID_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_int_equal(ph_blob_id_parse(ph_bytes_of(text, PH_BLOB_ID_TEXT_MAX), &id), PH_OK);
    assert_int_equal(ph_blob_id_parse(ph_bytes_of(text, sizeof text), &id), PH_EINVALID);
    assert_int_equal(ph_blob_id_parse(PH_BYTES(""), &id), PH_EINVALID);
    assert_int_equal(ph_blob_id_parse(PH_BYTES("a b"), &id), PH_EINVALID);
    assert_int_equal(ph_blob_id_parse(PH_BYTES("a\0b"), &id), PH_EINVALID);
    assert_int_equal(ph_blob_id_parse(PH_BYTES("a\xC3\xA9"), &id), PH_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_uuid_is_octets_in_the_database),
        cmocka_unit_test(other_names_stay_the_text_they_are),
        cmocka_unit_test(a_shared_blob_says_by_how_many),
        cmocka_unit_test(what_cannot_be_a_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
