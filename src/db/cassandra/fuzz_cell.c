/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: cells of Cassandra, of any type, as a node may send them. The first octet is the type's.
 *
 * What it checks: nothing is read outside; text that came of a set gives the same words again when it is written and
 * read.
 */
#include <stdlib.h>

#include "db/cassandra/cell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_cassandra_cell cell = {data + 1, size - 1, (enum ph_cql_type)data[0]};
    int64_t number;
    struct ph_uuid uuid;
    struct ph_bytes bytes;
    struct ph_bytes again;
    (void)ph_cassandra_cell_i64(&cell, &number);
    (void)ph_cassandra_cell_uuid(&cell, &uuid);
    (void)ph_cassandra_cell_value(&cell, &arena);
    if (ph_cassandra_cell_bytes(&cell, &arena, &bytes) && cell.type == PH_CQL_TYPE_SET) {
        const struct ph_value words = ph_text(bytes);
        struct ph_cql_value out;
        struct ph_error err = {0};
        expect(ph_cassandra_encode(&words, PH_CQL_TYPE_SET, &arena, &out, &err) == PH_OK);
        struct ph_cassandra_cell second = {out.ptr, (size_t)out.len, PH_CQL_TYPE_SET};
        expect(ph_cassandra_cell_bytes(&second, &arena, &again));
        for (;;) {
            struct ph_bytes word = ph_bytes_next_word(&bytes);
            expect(ph_bytes_eq(word, ph_bytes_next_word(&again)));
            if (word.len == 0) {
                break;
            }
        }
    }
    ph_arena_fini(&arena);
    return 0;
}
