/* SPDX-License-Identifier: Apache-2.0 */
#include "app/signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "app/notify.h"

/* What ends the thread; nobody else sends it. */
#define END_SIGNAL SIGRTMIN

static void fill(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, END_SIGNAL);
}

void ph_signals_block(void)
{
    sigset_t set;
    fill(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

static void *thread_main(void *arg)
{
    struct ph_signals *signals = arg;
    sigset_t set;
    fill(&set);
    uint64_t interval_us = ph_notify_interval_us();
    const struct timespec interval = {
        .tv_sec = (time_t)(interval_us / 1000000U),
        .tv_nsec = (long)(interval_us % 1000000U) * 1000L,
    };
    for (;;) {
        int number = sigtimedwait(&set, NULL, interval_us == 0 ? NULL : &interval);
        if (number == END_SIGNAL) {
            return NULL;
        }
        if (number == SIGHUP) {
            signals->reload(signals->ctx);
        } else if (number > 0) {
            signals->stop(signals->ctx, number);
        } else if (errno == EAGAIN && signals->is_alive(signals->ctx)) {
            ph_notify_alive();
        }
    }
}

int ph_signals_start(struct ph_signals *signals, struct ph_error *err)
{
    int errnum = pthread_create(&signals->thread, NULL, thread_main, signals);
    if (errnum != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "start of the signal thread");
    }
    pthread_setname_np(signals->thread, "signals");
    return PH_OK;
}

void ph_signals_end(struct ph_signals *signals)
{
    pthread_kill(signals->thread, END_SIGNAL);
    pthread_join(signals->thread, NULL);
}
