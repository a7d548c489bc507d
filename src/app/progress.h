/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a long command has come: a bar on a terminal, else a line now and then. On standard error, so that the
 * result on standard output stays alone.
 */
#ifndef PH_APP_PROGRESS_H
#define PH_APP_PROGRESS_H

#include <stdio.h>

#include <stdbool.h>

#include "base/clock.h"

struct ph_progress {
    FILE *out;
    bool is_terminal;
    const char *label; /* borrowed */
    uint64_t total;    /* 0: not known */
    uint64_t began_us;
    uint64_t shown_us;
    bool is_shown; /* a bar stands on the terminal's line */
};

void ph_progress_begin(struct ph_progress *progress, FILE *out, bool is_terminal, const char *label,
                       uint64_t total);
void ph_progress_update(struct ph_progress *progress, uint64_t done, uint64_t octets);
/* Takes the bar away, so that other lines can be written. */
void ph_progress_clear(struct ph_progress *progress);
/* The last line. */
void ph_progress_end(struct ph_progress *progress, uint64_t done, uint64_t octets);

/* "12:05" */
void ph_progress_duration(uint64_t seconds, char *out, size_t size);

#endif
