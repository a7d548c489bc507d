/* SPDX-License-Identifier: Apache-2.0 */
/* A stored structure of any octets: refused, or written again as it was; every part is found by its number. */
#include <stdlib.h>

#include "mime/encoded_word.h"
#include "mime/structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_children(const struct ph_part *root, const struct ph_part *part, uint32_t *numbers,
                           unsigned depth)
{
    uint32_t number = 0;
    if (depth > PH_STRUCTURE_DEPTH_MAX) {
        return;
    }
    if (part->kind == PH_PART_MESSAGE && part->children != NULL &&
        part->children->kind == PH_PART_MULTIPART) {
        part = part->children;
    }
    for (const struct ph_part *child = part->children; child != NULL && number < 8; child = child->next) {
        numbers[depth] = ++number;
        check(ph_part_find(root, numbers, depth + 1) == child);
        check_children(root, child, numbers, depth + 1);
    }
    numbers[depth] = 0;
    check(ph_part_find(root, numbers, depth + 1) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_arena arena;
    struct ph_part *root = NULL;
    struct ph_buf out = PH_BUF(1 << 20);
    ph_arena_init(&arena, 0);
    if (ph_structure_decode(ph_bytes_of(data, size), &arena, &root, NULL) == PH_OK) {
        ph_structure_encode(root, &out);
        check(ph_bytes_eq(ph_buf_view(&out), ph_bytes_of(data, size)));
        uint32_t numbers[PH_STRUCTURE_DEPTH_MAX + 2] = {0};
        check(ph_part_find(root, numbers, 0) == root);
        if (root->kind == PH_PART_MULTIPART) {
            check_children(root, root, numbers, 0);
        }
        ph_buf_clear(&out);
        (void)ph_part_filename(root, &out);
    }
    ph_buf_fini(&out);
    ph_arena_fini(&arena);
    return 0;
}
