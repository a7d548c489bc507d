/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra-driver/handover.h"

#if defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_WATCHED 1
#endif
#endif

#ifdef IS_WATCHED

void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
void __tsan_release(void *address);
void __tsan_acquire(void *address);

void ph_cql_handover_enter(void)
{
    __tsan_ignore_thread_begin();
}

void ph_cql_handover_leave(void)
{
    __tsan_ignore_thread_end();
}

void ph_cql_handover_give(void *address)
{
    __tsan_release(address);
}

void ph_cql_handover_take(void *address)
{
    __tsan_acquire(address);
}

#else

void ph_cql_handover_enter(void)
{
}

void ph_cql_handover_leave(void)
{
}

void ph_cql_handover_give(void *address)
{
    (void)address;
}

void ph_cql_handover_take(void *address)
{
    (void)address;
}

#endif
