/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages whose content has no row. The content itself may still stand in its segment, and then says what the row
 * said. Looked for only where there is something to repair, since it reads all segments; before messages are judged, so
 * that only what was not found is told of then.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "task/check-private.h"

enum { LOST_MAX = 1 << 20 };

enum { LOST_MESSAGE, LOST_MAILBOX, LOST_HEADER, LOST_HAS_HEADER, LOST_BODY, LOST_HAS_BODY };

static const struct ph_check_pass pass = {
    .page = PH_STMT_CHECK_CONTENT_LOST_PAGE, .key_count = 2, .columns = "uuuiui"};

struct list {
    struct ph_segment_lost *lost;
    size_t count;
    size_t room;
};

static void add(struct list *list, const struct ph_check_row *row, unsigned content, unsigned has_content)
{
    const struct ph_uuid *id = ph_check_uuid(row, content);
    if (id == NULL || ph_check_number(row, has_content) != 0) {
        return;
    }
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->lost = ph_realloc(list->lost, list->room * sizeof *list->lost);
    }
    list->lost[list->count++] = (struct ph_segment_lost){
        .content = *id,
        .message = row->cells[LOST_MESSAGE].uuid,
        .mailbox = row->cells[LOST_MAILBOX].uuid,
    };
}

static int collect(struct ph_check *check, struct list *list)
{
    static const struct ph_uuid zero;
    struct ph_check_row *rows = ph_alloc(PH_CHECK_PAGE_ROWS * sizeof *rows);
    struct ph_value key[2] = {ph_uuid_value(&zero), ph_uuid_value(&zero)};
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = PH_OK;
    size_t count = PH_CHECK_PAGE_ROWS;
    while (result == PH_OK && count == PH_CHECK_PAGE_ROWS && list->count < LOST_MAX) {
        ph_arena_reset(&arena);
        result = ph_check_page(check, &pass, key, PH_CHECK_PAGE_ROWS, &arena, rows, &count, check->err);
        for (size_t i = 0; i < count; i++) {
            add(list, &rows[i], LOST_HEADER, LOST_HAS_HEADER);
            add(list, &rows[i], LOST_BODY, LOST_HAS_BODY);
        }
        if (count > 0) {
            memcpy(key, rows[count - 1].cells, sizeof key);
        }
    }
    ph_arena_fini(&arena);
    free(rows);
    /* What cannot be read is reported where messages are judged. */
    return result == PH_ECORRUPT ? PH_OK : result;
}

int ph_check_lost_content(struct ph_check *check)
{
    if (!check->options->is_repairing) {
        return PH_OK;
    }
    struct list list = {0};
    int result = collect(check, &list);
    if (result == PH_OK) {
        result = ph_segment_store_salvage(check->options->blobs, list.lost, list.count, check->err);
    }
    for (size_t i = 0; i < list.count && result == PH_OK; i++) {
        const struct ph_segment_lost *lost = &list.lost[i];
        if (lost->is_found) {
            const struct ph_check_finding finding = {
                .kind = PH_CHECK_CONTENT_GONE,
                .is_repaired = true,
                .mailbox = &lost->mailbox,
                .message = &lost->message,
                .content = &lost->content,
                .text = ph_check_kind_meaning(PH_CHECK_CONTENT_GONE),
            };
            result = ph_check_report(check, &finding);
        }
    }
    free(list.lost);
    return result;
}
