/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/blob.h"
#include "blob/segment_fixture.h"

enum { LONGEST = 100 * 1024 };

static struct ph_codec *make_codec(bool compresses)
{
    struct ph_codec *codec = NULL;
    struct ph_error err = {0};
    const struct ph_codec_options options = {.compress_headers = compresses, .compress_bodies = compresses};
    assert_int_equal(ph_codec_new(&options, &codec, &err), PH_OK);
    return codec;
}

static void a_chunk_comes_back(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 2, 3, 100, 5000, LONGEST};
    uint8_t *raw = ph_alloc(LONGEST);
    uint8_t *stored = ph_alloc(LONGEST);
    uint8_t *back = ph_alloc(LONGEST);
    for (unsigned compresses = 0; compresses < 2; compresses++) {
        struct ph_codec *codec = make_codec(compresses != 0);
        struct ph_workspace *workspace = ph_codec_take(codec, NULL, 0);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            for (uint8_t kind = PH_BLOB_HEADER; kind <= PH_BLOB_BODY; kind++) {
                ph_test_content(4, raw, lengths[i]);
                struct ph_bytes encoded =
                    ph_chunk_encode(codec, workspace, kind, ph_bytes_of(raw, lengths[i]), stored);
                assert_true(encoded.len <= lengths[i]);
                assert_true(lengths[i] < 5000 || (encoded.len < lengths[i]) == (compresses != 0));
                memset(back, 0, LONGEST);
                assert_int_equal(ph_chunk_decode(codec, workspace, encoded, back, (uint32_t)lengths[i]),
                                 PH_OK);
                assert_memory_equal(raw, back, lengths[i]);
            }
        }
        ph_codec_give(codec, workspace);
        ph_codec_free(&codec);
    }
    free(raw);
    free(stored);
    free(back);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct ph_codec *codec = make_codec(true);
    struct ph_workspace *workspace = ph_codec_take(codec, NULL, 0);
    uint8_t raw[4000];
    uint8_t stored[4000];
    uint8_t back[4000];
    ph_test_content(4, raw, sizeof raw);
    struct ph_bytes encoded =
        ph_chunk_encode(codec, workspace, PH_BLOB_BODY, ph_bytes_of(raw, sizeof raw), stored);
    assert_true(encoded.len < sizeof raw);
    assert_int_equal(ph_chunk_decode(codec, workspace, ph_bytes_first(encoded, encoded.len - 1), back, 4000),
                     PH_ECORRUPT);
    assert_int_equal(ph_chunk_decode(codec, workspace, encoded, back, 3999), PH_ECORRUPT);
    assert_int_equal(ph_chunk_decode(codec, workspace, ph_bytes_of(raw, 4000), back, 3000), PH_ECORRUPT);
    assert_int_equal(ph_chunk_decode(codec, workspace, ph_bytes_of(raw, 0), back, 1), PH_ECORRUPT);
    stored[0] = 200; /* no such dictionary */
    assert_int_equal(ph_chunk_decode(codec, workspace, encoded, back, 4000), PH_ECORRUPT);
    ph_codec_give(codec, workspace);
    ph_codec_free(&codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_comes_back),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
