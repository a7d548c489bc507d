/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <sodium.h>

/* 100 ns intervals between 1582-10-15 and 1970-01-01, RFC 4122 section 4.1.4. */
static const uint64_t GREGORIAN_TICKS = 0x01B21DD213814000U;
enum { TICKS_PER_US = 10 };

void ph_uuid_gen_init(struct ph_uuid_gen *gen, const struct ph_clock *clock, const struct ph_rand *rand)
{
    pthread_mutex_init(&gen->lock, NULL);
    gen->clock = clock;
    gen->last_ticks = 0;
    ph_rand_fill(rand, gen->tail, sizeof gen->tail);
    gen->tail[0] = (uint8_t)((gen->tail[0] & 0x3FU) | 0x80U);
    gen->tail[2] |= 0x01U;
}

void ph_uuid_gen_fini(struct ph_uuid_gen *gen)
{
    pthread_mutex_destroy(&gen->lock);
}

static void put_time(struct ph_uuid *id, uint64_t ticks)
{
    uint32_t low = (uint32_t)ticks;
    uint16_t mid = (uint16_t)(ticks >> 32);
    uint16_t high = (uint16_t)(((ticks >> 48) & 0x0FFFU) | 0x1000U);
    id->b[0] = (uint8_t)(low >> 24);
    id->b[1] = (uint8_t)(low >> 16);
    id->b[2] = (uint8_t)(low >> 8);
    id->b[3] = (uint8_t)low;
    id->b[4] = (uint8_t)(mid >> 8);
    id->b[5] = (uint8_t)mid;
    id->b[6] = (uint8_t)(high >> 8);
    id->b[7] = (uint8_t)high;
}

static uint64_t get_time(const struct ph_uuid *id)
{
    return ((uint64_t)(id->b[6] & 0x0FU) << 56) | ((uint64_t)id->b[7] << 48) | ((uint64_t)id->b[4] << 40) |
           ((uint64_t)id->b[5] << 32) | ((uint64_t)id->b[0] << 24) | ((uint64_t)id->b[1] << 16) |
           ((uint64_t)id->b[2] << 8) | (uint64_t)id->b[3];
}

struct ph_uuid ph_uuid_first_of_us(uint64_t unix_us)
{
    struct ph_uuid id;
    put_time(&id, unix_us * TICKS_PER_US + GREGORIAN_TICKS);
    memset(id.b + 8, 0x80, 8); /* signed octets: the lowest there are */
    return id;
}

struct ph_uuid ph_uuid_gen_next(struct ph_uuid_gen *gen)
{
    uint64_t ticks = ph_real_us(gen->clock) * TICKS_PER_US + GREGORIAN_TICKS;
    pthread_mutex_lock(&gen->lock);
    if (ticks <= gen->last_ticks) {
        ticks = gen->last_ticks + 1;
    }
    gen->last_ticks = ticks;
    pthread_mutex_unlock(&gen->lock);
    struct ph_uuid id;
    put_time(&id, ticks);
    memcpy(id.b + 8, gen->tail, sizeof gen->tail);
    return id;
}

void ph_uuid_gen_advance(struct ph_uuid_gen *gen, const struct ph_uuid *seen)
{
    uint64_t ticks = get_time(seen);
    pthread_mutex_lock(&gen->lock);
    if (gen->last_ticks < ticks) {
        gen->last_ticks = ticks;
    }
    pthread_mutex_unlock(&gen->lock);
}

static void hash_part(crypto_hash_sha256_state *hash, struct ph_bytes part)
{
    uint8_t len[8];
    for (size_t i = 0; i < sizeof len; i++) {
        len[i] = (uint8_t)((uint64_t)part.len >> (8 * i));
    }
    crypto_hash_sha256_update(hash, len, sizeof len);
    crypto_hash_sha256_update(hash, part.ptr, part.len);
}

struct ph_uuid ph_uuid_from_name(struct ph_bytes name_space, struct ph_bytes owner, struct ph_bytes name)
{
    crypto_hash_sha256_state hash;
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&hash);
    hash_part(&hash, PH_BYTES("posthouse mailbox id 1"));
    hash_part(&hash, name_space);
    hash_part(&hash, owner);
    hash_part(&hash, name);
    crypto_hash_sha256_final(&hash, digest);
    struct ph_uuid id;
    memcpy(id.b, digest, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0FU) | 0x10U);
    id.b[8] = (uint8_t)((id.b[8] & 0x3FU) | 0x80U);
    id.b[10] |= 0x01U;
    return id;
}

static bool is_dash_before(size_t octet)
{
    return octet == 4 || octet == 6 || octet == 8 || octet == 10;
}

void ph_uuid_format(const struct ph_uuid *id, char out_text[PH_UUID_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out_text;
    for (size_t i = 0; i < PH_UUID_BYTES; i++) {
        if (is_dash_before(i)) {
            *at++ = '-';
        }
        *at++ = digits[id->b[i] >> 4];
        *at++ = digits[id->b[i] & 0x0FU];
    }
    *at = '\0';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = ph_ascii_lower((char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int ph_uuid_parse(struct ph_bytes text, struct ph_uuid *out_id)
{
    if (text.len != PH_UUID_TEXT_LEN) {
        return PH_EINVALID;
    }
    const uint8_t *at = text.ptr;
    for (size_t i = 0; i < PH_UUID_BYTES; i++) {
        if (is_dash_before(i) && *at++ != '-') {
            return PH_EINVALID;
        }
        int high = hex_value(at[0]);
        int low = hex_value(at[1]);
        if (high < 0 || low < 0) {
            return PH_EINVALID;
        }
        out_id->b[i] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    return PH_OK;
}

bool ph_uuid_eq(const struct ph_uuid *a, const struct ph_uuid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

int ph_uuid_compare(const struct ph_uuid *a, const struct ph_uuid *b)
{
    uint64_t time_a = get_time(a);
    uint64_t time_b = get_time(b);
    if (time_a != time_b) {
        return time_a < time_b ? -1 : 1;
    }
    return memcmp(a->b + 8, b->b + 8, 8);
}

bool ph_uuid_is_time(const struct ph_uuid *id)
{
    return (id->b[6] & 0xF0U) == 0x10U && (id->b[8] & 0xC0U) == 0x80U;
}

uint64_t ph_uuid_unix_us(const struct ph_uuid *id)
{
    uint64_t ticks = get_time(id);
    return ticks < GREGORIAN_TICKS ? 0 : (ticks - GREGORIAN_TICKS) / TICKS_PER_US;
}

void ph_uuid_to_sortable(const struct ph_uuid *id, uint8_t out[PH_UUID_BYTES])
{
    out[0] = id->b[6];
    out[1] = id->b[7];
    out[2] = id->b[4];
    out[3] = id->b[5];
    memcpy(out + 4, id->b, 4);
    memcpy(out + 8, id->b + 8, 8);
}

void ph_uuid_from_sortable(const uint8_t in[PH_UUID_BYTES], struct ph_uuid *out_id)
{
    out_id->b[6] = in[0];
    out_id->b[7] = in[1];
    out_id->b[4] = in[2];
    out_id->b[5] = in[3];
    memcpy(out_id->b, in + 4, 4);
    memcpy(out_id->b + 8, in + 8, 8);
}
