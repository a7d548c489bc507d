/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "blob/blob.h"
#include "blob/dictionary.h"

static const char header[] =
    "Return-Path: <alice@example.org>\r\nDelivered-To: bob@example.net\r\n"
    "Received: from mail.example.org ([192.0.2.7])\r\n"
    "\tby mx.example.net with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
    "\tid 4f2a5c1e-6b1d-11ee-8c99-0242ac120002\r\n"
    "\tfor <bob@example.net>;\r\n\tFri, 01 Sep 2023 09:54:49 +0000\r\n"
    "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: lunch\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\n"
    "Content-Transfer-Encoding: 7bit\r\nMessage-ID: <20230901075449.12345@example.org>\r\n\r\n";

static struct ph_codec *new_codec(bool compress)
{
    struct ph_codec_options options = {compress, compress};
    struct ph_codec *codec = NULL;
    struct ph_error err = {0};
    assert_int_equal(ph_codec_new(&options, &codec, &err), PH_OK);
    return codec;
}

static size_t round_trip(struct ph_codec *codec, uint8_t kind, struct ph_bytes raw)
{
    struct ph_workspace *workspace = ph_codec_take(codec, NULL, 0);
    uint8_t *stored = malloc(raw.len + 1);
    uint8_t *back = malloc(raw.len + 1);
    size_t len = ph_codec_compress(codec, workspace, kind, raw, stored);
    assert_true(len <= raw.len);
    if (len < raw.len) {
        assert_int_equal(ph_codec_decompress(codec, workspace, ph_codec_dictionary(codec, kind),
                                             ph_bytes_of(stored, len), back, (uint32_t)raw.len),
                         PH_OK);
        assert_memory_equal(back, raw.ptr, raw.len);
    }
    free(stored);
    free(back);
    ph_codec_give(codec, workspace);
    return len;
}

static void a_header_shrinks_by_its_dictionary(void **state)
{
    (void)state;
    struct ph_codec *codec = new_codec(true);
    struct ph_bytes raw = ph_bytes_str(header);
    size_t with = round_trip(codec, PH_BLOB_HEADER, raw);
    size_t without = round_trip(codec, PH_BLOB_BODY, raw);
    assert_true(with * 2 < raw.len);
    assert_true(with * 3 < without * 2);
    ph_codec_free(&codec);
}

static void what_does_not_shrink_is_stored_as_it_is(void **state)
{
    (void)state;
    struct ph_codec *codec = new_codec(true);
    static uint8_t noise[PH_FRAME_BYTES];
    ph_rand_fill(&ph_rand_system, noise, sizeof noise);
    assert_int_equal(round_trip(codec, PH_BLOB_BODY, ph_bytes_of(noise, sizeof noise)), sizeof noise);
    assert_int_equal(round_trip(codec, PH_BLOB_HEADER, PH_BYTES("x")), 1);
    assert_int_equal(round_trip(codec, PH_BLOB_BODY, PH_BYTES("")), 0);
    ph_codec_free(&codec);
}

static void compression_can_be_left_out(void **state)
{
    (void)state;
    struct ph_codec *codec = new_codec(false);
    struct ph_bytes raw = ph_bytes_str(header);
    assert_int_equal(round_trip(codec, PH_BLOB_HEADER, raw), raw.len);
    assert_int_equal(round_trip(codec, PH_BLOB_BODY, raw), raw.len);
    assert_int_equal(ph_codec_dictionary(codec, PH_BLOB_HEADER), 0);
    ph_codec_free(&codec);
}

/* A whole frame of one octet: as small as it gets, and a frame never grows past its raw length. */
static void damaged_frames_are_corrupt(void **state)
{
    (void)state;
    struct ph_codec *codec = new_codec(true);
    struct ph_workspace *workspace = ph_codec_take(codec, NULL, 0);
    memset(workspace->frame, 'a', PH_FRAME_BYTES);
    size_t len = ph_codec_compress(codec, workspace, PH_BLOB_BODY,
                                   ph_bytes_of(workspace->frame, PH_FRAME_BYTES), workspace->stored);
    assert_true(len < 100);
    struct ph_bytes stored = ph_bytes_of(workspace->stored, len);
    assert_int_equal(ph_codec_decompress(codec, workspace, 0, stored, workspace->frame, PH_FRAME_BYTES),
                     PH_OK);
    assert_int_equal(ph_codec_decompress(codec, workspace, 0, stored, workspace->frame, PH_FRAME_BYTES - 1),
                     PH_ECORRUPT);
    assert_int_equal(ph_codec_decompress(codec, workspace, 0, ph_bytes_first(stored, len - 1),
                                         workspace->frame, PH_FRAME_BYTES),
                     PH_ECORRUPT);
    assert_int_equal(ph_codec_decompress(codec, workspace, PH_DICTIONARY_COUNT + 1, stored, workspace->frame,
                                         PH_FRAME_BYTES),
                     PH_ECORRUPT);
    ph_codec_give(codec, workspace);
    ph_codec_free(&codec);
}

static void a_workspace_is_found_by_the_frame_it_holds(void **state)
{
    (void)state;
    struct ph_codec *codec = new_codec(true);
    struct ph_workspace *one = ph_codec_take(codec, NULL, 0);
    struct ph_workspace *two = ph_codec_take(codec, NULL, 0);
    struct ph_uuid id = {{1, 2, 3}};
    one->has_frame = true;
    one->frame_id = id;
    one->frame_index = 5;
    ph_codec_give(codec, one);
    ph_codec_give(codec, two);
    assert_ptr_equal(ph_codec_take(codec, &id, 5), one);
    ph_codec_give(codec, one);
    assert_ptr_equal(ph_codec_take(codec, &id, 4), one); /* the last used */
    assert_ptr_equal(ph_codec_take(codec, &id, 5), two); /* what is left */
    ph_codec_give(codec, one);
    ph_codec_give(codec, two);
    ph_codec_free(&codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_shrinks_by_its_dictionary),
        cmocka_unit_test(what_does_not_shrink_is_stored_as_it_is),
        cmocka_unit_test(compression_can_be_left_out),
        cmocka_unit_test(damaged_frames_are_corrupt),
        cmocka_unit_test(a_workspace_is_found_by_the_frame_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
