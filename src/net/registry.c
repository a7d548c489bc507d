/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All connections of a pool, their deadlines, and how many each address has. One lock for both; it is taken twice
 * in the life of a connection and by the sweep. An IPv6 peer is counted by its /64, which is what one customer
 * has.
 */
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/net-private.h"

enum { TABLE_SIZE = 4096 };

struct ph_address_count {
    struct ph_address_count *next;
    uint8_t key[16];
    unsigned count;
};

struct ph_address_count **ph_registry_table_new(void)
{
    return ph_zalloc(TABLE_SIZE * sizeof(struct ph_address_count *));
}

void ph_registry_table_free(struct ph_address_count ***table)
{
    for (size_t i = 0; *table != NULL && i < TABLE_SIZE; i++) {
        for (struct ph_address_count *entry = (*table)[i]; entry != NULL;) {
            struct ph_address_count *next = entry->next;
            free(entry);
            entry = next;
        }
    }
    free(*table);
    *table = NULL;
}

static void key_of(const struct ph_address *address, uint8_t out_key[16])
{
    memcpy(out_key, address->ip, 16);
    if (!ph_address_is_ipv4(address)) {
        memset(out_key + 8, 0, 8);
    }
}

/* Keyed, so that nobody can choose addresses that fall into one chain. */
static struct ph_address_count **find(struct ph_pool *pool, const uint8_t key[16])
{
    uint64_t hash;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    _Static_assert(sizeof pool->address_hash_key == crypto_shorthash_KEYBYTES,
                   "SipHash has a key of 128 bits");
    crypto_shorthash((unsigned char *)&hash, key, 16, pool->address_hash_key);
    struct ph_address_count **at = &pool->addresses[hash % TABLE_SIZE];
    while (*at != NULL && memcmp((*at)->key, key, 16) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static const char *count_locked(struct ph_pool *pool, struct ph_conn *conn)
{
    if (conn->peer.family != PH_ADDRESS_IP || conn->is_counted) {
        return NULL;
    }
    uint8_t key[16];
    key_of(&conn->peer, key);
    struct ph_address_count **at = find(pool, key);
    if (*at == NULL) {
        *at = ph_zalloc(sizeof **at);
        memcpy((*at)->key, key, sizeof key);
    }
    (*at)->count++;
    conn->is_counted = true;
    unsigned max = pool->options.connections_per_address_max;
    return max != 0 && (*at)->count > max ? "too many connections from this address" : NULL;
}

static void uncount_locked(struct ph_pool *pool, struct ph_conn *conn)
{
    if (!conn->is_counted) {
        return;
    }
    uint8_t key[16];
    key_of(&conn->peer, key);
    struct ph_address_count **at = find(pool, key);
    if (*at != NULL && --(*at)->count == 0) {
        struct ph_address_count *dead = *at;
        *at = dead->next;
        free(dead);
    }
    conn->is_counted = false;
}

const char *ph_registry_add(struct ph_pool *pool, struct ph_conn *conn)
{
    pthread_mutex_lock(&pool->list_lock);
    conn->id = ++pool->next_id;
    conn->next = pool->connections;
    conn->previous = &pool->connections;
    if (conn->next != NULL) {
        conn->next->previous = &conn->next;
    }
    pool->connections = conn;
    pool->connection_count++;
    pool->accepted++;
    const char *trouble =
        pool->connection_count > pool->options.connections_max ? "too many connections" : NULL;
    /* Behind a proxy the address is not known yet. */
    if (trouble == NULL && !conn->listener->options.has_proxy_header) {
        trouble = count_locked(pool, conn);
    }
    pool->refused += trouble != NULL;
    pthread_mutex_unlock(&pool->list_lock);
    return trouble;
}

const char *ph_registry_count_address(struct ph_pool *pool, struct ph_conn *conn)
{
    pthread_mutex_lock(&pool->list_lock);
    const char *trouble = count_locked(pool, conn);
    pool->refused += trouble != NULL;
    pthread_mutex_unlock(&pool->list_lock);
    return trouble;
}

void ph_registry_remove(struct ph_pool *pool, struct ph_conn *conn)
{
    pthread_mutex_lock(&pool->list_lock);
    uncount_locked(pool, conn);
    *conn->previous = conn->next;
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    pool->connection_count--;
    pthread_mutex_unlock(&pool->list_lock);
}

void ph_registry_sweep(struct ph_pool *pool, uint64_t now_ms, bool is_shutdown)
{
    pthread_mutex_lock(&pool->list_lock);
    for (struct ph_conn *conn = pool->connections; conn != NULL; conn = conn->next) {
        uint64_t deadline = atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed);
        bool is_late = deadline != 0 && now_ms >= deadline;
        ph_wake_tick(conn, now_ms);
        if (is_late || is_shutdown) {
            ph_conn_ask_close(conn, is_shutdown ? PH_CLOSE_SHUTDOWN : PH_CLOSE_TIMEOUT);
        }
    }
    pthread_mutex_unlock(&pool->list_lock);
}

void ph_registry_break(struct ph_pool *pool)
{
    pthread_mutex_lock(&pool->list_lock);
    for (struct ph_conn *conn = pool->connections; conn != NULL; conn = conn->next) {
        shutdown(conn->pollable.fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&pool->list_lock);
}
