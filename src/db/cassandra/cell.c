/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/cell.h"

enum { SET_OCTETS_MAX = 64 << 10 };

static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t load64(const uint8_t *at)
{
    return (uint64_t)load32(at) << 32 | load32(at + 4);
}

static void store_big_endian(uint8_t *at, uint64_t value, size_t octets)
{
    for (size_t i = octets; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* ---- To Cassandra ---- */

static void put(struct ph_cql_value *out, const void *ptr, size_t len)
{
    *out = (struct ph_cql_value){ptr == NULL ? (const uint8_t *)"" : ptr, (int32_t)len};
}

static int encode_integer(int64_t value, enum ph_cql_type type, struct ph_arena *arena,
                          struct ph_cql_value *out, struct ph_error *err)
{
    size_t octets = type == PH_CQL_TYPE_BOOLEAN ? 1 : type == PH_CQL_TYPE_INT ? 4 : 8;
    if ((type == PH_CQL_TYPE_INT && (value < INT32_MIN || value > INT32_MAX)) ||
        (type == PH_CQL_TYPE_BOOLEAN && (value < 0 || value > 1))) {
        return ph_fail(err, PH_EBUG, "%lld does not fit its column", (long long)value);
    }
    uint8_t *at = ph_arena_alloc(arena, octets);
    store_big_endian(at, (uint64_t)value, octets);
    put(out, at, octets);
    return PH_OK;
}

/* The words of TEXT, which blanks part, in the order given: Cassandra sorts a set itself. */
static void encode_set(struct ph_bytes text, struct ph_arena *arena, struct ph_cql_value *out)
{
    uint8_t *octets = ph_arena_alloc(arena, 4 + text.len * 5);
    size_t len = 4;
    uint32_t count = 0;
    for (struct ph_bytes word; (word = ph_bytes_next_word(&text)).len > 0; count++) {
        store_big_endian(octets + len, word.len, 4);
        memcpy(octets + len + 4, word.ptr, word.len);
        len += 4 + word.len;
    }
    store_big_endian(octets, count, 4);
    put(out, octets, len);
}

static int encode_uuid(const struct ph_uuid *uuid, enum ph_cql_type type, struct ph_arena *arena,
                       struct ph_cql_value *out)
{
    if (type == PH_CQL_TYPE_TEXT || type == PH_CQL_TYPE_ASCII) {
        char *text = ph_arena_alloc(arena, PH_UUID_TEXT_LEN + 1);
        ph_uuid_format(uuid, text);
        put(out, text, PH_UUID_TEXT_LEN);
    } else {
        put(out, uuid->b, PH_UUID_BYTES);
    }
    return PH_OK;
}

int ph_cassandra_encode(const struct ph_value *value, enum ph_cql_type type, struct ph_arena *arena,
                        struct ph_cql_value *out, struct ph_error *err)
{
    bool is_text = type == PH_CQL_TYPE_TEXT || type == PH_CQL_TYPE_ASCII;
    bool is_integer = type == PH_CQL_TYPE_BIGINT || type == PH_CQL_TYPE_COUNTER || type == PH_CQL_TYPE_INT ||
                      type == PH_CQL_TYPE_TIMESTAMP;
    bool is_bytes = value->type == PH_VALUE_TEXT || value->type == PH_VALUE_BLOB;
    if (is_bytes && value->bytes.len > INT32_MAX / 8) {
        return ph_fail(err, PH_EBUG, "a value of %zu octets", value->bytes.len);
    }
    switch (value->type) {
    case PH_VALUE_NULL: *out = (struct ph_cql_value){NULL, PH_CQL_NULL}; return PH_OK;
    case PH_VALUE_I64:
    case PH_VALUE_TIME:
    case PH_VALUE_BOOL:
        if (is_integer || type == PH_CQL_TYPE_BOOLEAN) {
            return encode_integer(value->i64, type, arena, out, err);
        }
        break;
    case PH_VALUE_TEXT:
    case PH_VALUE_BLOB:
        if (value->type == PH_VALUE_TEXT && type == PH_CQL_TYPE_SET) {
            encode_set(value->bytes, arena, out);
            return PH_OK;
        }
        if (is_text || type == PH_CQL_TYPE_BLOB) {
            put(out, value->bytes.ptr, value->bytes.len);
            return PH_OK;
        }
        break;
    case PH_VALUE_UUID:
        if (is_text || type == PH_CQL_TYPE_UUID || type == PH_CQL_TYPE_TIMEUUID || type == PH_CQL_TYPE_BLOB) {
            return encode_uuid(&value->uuid, type, arena, out);
        }
        break;
    }
    return ph_fail(err, PH_EBUG, "a value of kind %d for a column of type 0x%02x", (int)value->type,
                   (unsigned)type);
}

/* ---- From Cassandra ---- */

bool ph_cassandra_cell_i64(const struct ph_cassandra_cell *cell, int64_t *out_value)
{
    if (cell->ptr == NULL) {
        return false;
    }
    switch (cell->type) {
    case PH_CQL_TYPE_BOOLEAN:
        if (cell->len == 1) {
            *out_value = cell->ptr[0] != 0;
            return true;
        }
        break;
    case PH_CQL_TYPE_INT:
        if (cell->len == 4) {
            *out_value = (int32_t)load32(cell->ptr);
            return true;
        }
        break;
    case PH_CQL_TYPE_BIGINT:
    case PH_CQL_TYPE_COUNTER:
    case PH_CQL_TYPE_TIMESTAMP:
        if (cell->len == 8) {
            *out_value = (int64_t)load64(cell->ptr);
            return true;
        }
        break;
    default: break;
    }
    return false;
}

bool ph_cassandra_cell_uuid(const struct ph_cassandra_cell *cell, struct ph_uuid *out_value)
{
    if (cell->ptr == NULL) {
        return false;
    }
    switch (cell->type) {
    case PH_CQL_TYPE_UUID:
    case PH_CQL_TYPE_TIMEUUID:
        if (cell->len == PH_UUID_BYTES) {
            memcpy(out_value->b, cell->ptr, PH_UUID_BYTES);
            return true;
        }
        return false;
    case PH_CQL_TYPE_TEXT:
    case PH_CQL_TYPE_ASCII: return ph_uuid_parse(ph_bytes_of(cell->ptr, cell->len), out_value) == PH_OK;
    default: return false;
    }
}

/* The elements of a collection, each behind its length; false for octets that are none. */
static bool decode_set(struct ph_bytes octets, struct ph_arena *arena, struct ph_bytes *out_value)
{
    if (octets.len < 4 || octets.len > SET_OCTETS_MAX) {
        return false;
    }
    uint32_t count = load32(octets.ptr);
    struct ph_bytes rest = ph_bytes_from(octets, 4);
    uint8_t *text = ph_arena_alloc(arena, octets.len);
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rest.len < 4 || load32(rest.ptr) > rest.len - 4) {
            return false;
        }
        size_t word = load32(rest.ptr);
        if (len > 0) {
            text[len++] = ' ';
        }
        memcpy(text + len, rest.ptr + 4, word);
        len += word;
        rest = ph_bytes_from(rest, 4 + word);
    }
    if (rest.len > 0) {
        return false;
    }
    *out_value = ph_bytes_of(text, len);
    return true;
}

bool ph_cassandra_cell_bytes(const struct ph_cassandra_cell *cell, struct ph_arena *arena,
                             struct ph_bytes *out_value)
{
    if (cell->ptr == NULL) {
        return false;
    }
    switch (cell->type) {
    case PH_CQL_TYPE_TEXT:
    case PH_CQL_TYPE_ASCII:
    case PH_CQL_TYPE_BLOB: *out_value = ph_bytes_of(cell->ptr, cell->len); return true;
    case PH_CQL_TYPE_SET: return decode_set(ph_bytes_of(cell->ptr, cell->len), arena, out_value);
    default: return false;
    }
}

struct ph_value ph_cassandra_cell_value(const struct ph_cassandra_cell *cell, struct ph_arena *arena)
{
    int64_t number;
    struct ph_uuid uuid;
    struct ph_bytes bytes;
    if (ph_cassandra_cell_i64(cell, &number)) {
        return cell->type == PH_CQL_TYPE_BOOLEAN     ? ph_bool(number != 0)
               : cell->type == PH_CQL_TYPE_TIMESTAMP ? ph_time_ms(number)
                                                     : ph_i64(number);
    }
    bool is_uuid = cell->type == PH_CQL_TYPE_UUID || cell->type == PH_CQL_TYPE_TIMEUUID;
    if (is_uuid && ph_cassandra_cell_uuid(cell, &uuid)) {
        return ph_uuid_value(&uuid);
    }
    if (ph_cassandra_cell_bytes(cell, arena, &bytes)) {
        return cell->type == PH_CQL_TYPE_BLOB ? ph_blob(bytes) : ph_text(bytes);
    }
    return ph_null();
}
