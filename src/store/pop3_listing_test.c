/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lists of a maildrop become one: in the order of ids, each message once, with the UIDL that belongs to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/pop3_listing.h"

/* COUNT entries whose ids are at US[i], with a UIDL where UIDLS[i] is not NULL: as ph_pop3_listing_take leaves them. */
static void fill(struct ph_pop3_listing *listing, const uint64_t *us, const char *const *uidls, size_t count)
{
    ph_pop3_listing_init(listing, SIZE_MAX, true);
    listing->entries = ph_alloc(count * sizeof *listing->entries);
    listing->uidls = ph_alloc(count * sizeof *listing->uidls);
    listing->capacity = listing->uidl_capacity = count;
    for (size_t i = 0; i < count; i++) {
        listing->entries[listing->count++] = (struct ph_pop3_entry){ph_uuid_first_of_us(us[i]), us[i]};
        if (uidls[i] != NULL) {
            listing->uidls[listing->uidl_count++] =
                (struct ph_pop3_uidl){(uint32_t)i, (uint32_t)listing->text.len};
            ph_buf_str(&listing->text, uidls[i]);
            ph_buf_byte(&listing->text, '\0');
        }
    }
}

static void lists_are_merged_by_id(void **state)
{
    (void)state;
    struct ph_error err = {0};
    struct ph_pop3_listing young;
    struct ph_pop3_listing late;
    fill(&young, (const uint64_t[]){20, 30, 50}, (const char *const[]){"b", NULL, "e"}, 3);
    fill(&late, (const uint64_t[]){10, 30, 40, 60}, (const char *const[]){NULL, NULL, "d", "f"}, 4);
    assert_int_equal(ph_pop3_listing_merge(&young, &late, &err), PH_OK);
    ph_pop3_listing_fini(&late);

    struct ph_pop3_entry *entries;
    struct ph_pop3_uidls uidls;
    size_t count;
    ph_pop3_listing_give(&young, &entries, &count, &uidls);
    static const char *const expected[] = {NULL, "b", NULL, "d", "e", "f"};
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        const char *uidl = ph_pop3_uidls_find(&uidls, i);
        assert_int_equal(entries[i].size, 10 * (i + 1));
        assert_int_equal(uidl == NULL, expected[i] == NULL);
        assert_true(uidl == NULL || strcmp(uidl, expected[i]) == 0);
    }
    free(entries);
    ph_pop3_uidls_free(&uidls);
}

static void nothing_late_changes_nothing(void **state)
{
    (void)state;
    struct ph_error err = {0};
    struct ph_pop3_listing listing;
    struct ph_pop3_listing none;
    fill(&listing, (const uint64_t[]){20}, (const char *const[]){"b"}, 1);
    ph_pop3_listing_init(&none, SIZE_MAX, true);
    const struct ph_pop3_entry *before = listing.entries;
    assert_int_equal(ph_pop3_listing_merge(&listing, &none, &err), PH_OK);
    assert_ptr_equal(listing.entries, before);
    ph_pop3_listing_fini(&none);
    ph_pop3_listing_fini(&listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_merged_by_id),
        cmocka_unit_test(nothing_late_changes_nothing),
    };
    return cmocka_run_group_tests_name("store/pop3_listing", tests, NULL, NULL);
}
