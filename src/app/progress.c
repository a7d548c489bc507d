/* SPDX-License-Identifier: Apache-2.0 */
#include "app/progress.h"

#include <inttypes.h>
#include <stdbool.h>

enum { BAR_WIDTH = 24 };

static const uint64_t TERMINAL_US = 100000;
static const uint64_t LINE_US = 5000000;

void ph_progress_begin(struct ph_progress *progress, FILE *out, bool is_terminal, const char *label,
                       uint64_t total)
{
    uint64_t now_us = ph_mono_us(&ph_clock_system);
    *progress = (struct ph_progress){out, is_terminal, label, total, now_us, now_us, false};
}

void ph_progress_duration(uint64_t seconds, char *out, size_t size)
{
    if (seconds >= 3600) {
        snprintf(out, size, "%" PRIu64 ":%02u:%02u", seconds / 3600, (unsigned)(seconds / 60 % 60),
                 (unsigned)(seconds % 60));
    } else {
        snprintf(out, size, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    }
}

struct figures {
    uint64_t rate;
    unsigned percent;
    char left[32];
    char amount[48];
};

static void find_figures(const struct ph_progress *progress, uint64_t now_us, uint64_t done, uint64_t octets,
                         struct figures *out)
{
    uint64_t spent_ms = (now_us - progress->began_us) / 1000 + 1;
    out->rate = done * 1000 / spent_ms;
    out->percent =
        progress->total == 0 ? 0 : (unsigned)(done >= progress->total ? 100 : done * 100 / progress->total);
    snprintf(out->left, sizeof out->left, "?");
    if (done > 0 && progress->total >= done) {
        ph_progress_duration((progress->total - done) * spent_ms / done / 1000, out->left, sizeof out->left);
    }
    snprintf(out->amount, sizeof out->amount, "%" PRIu64 ".%u MB", octets / 1000000,
             (unsigned)(octets / 100000 % 10));
}

static void show_bar(struct ph_progress *progress, uint64_t done, const struct figures *figures)
{
    char bar[BAR_WIDTH + 1];
    unsigned filled = figures->percent * BAR_WIDTH / 100;
    for (unsigned i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(progress->out, "\r%.30s [%s] %3u %%  %" PRIu64 "/%" PRIu64 "  %s  %" PRIu64 "/s  %s left\033[K",
            progress->label, bar, figures->percent, done, progress->total, figures->amount, figures->rate,
            figures->left);
    fflush(progress->out);
    progress->is_shown = true;
}

static void show_line(struct ph_progress *progress, uint64_t done, const struct figures *figures)
{
    fprintf(progress->out, "%s: %" PRIu64 " of %" PRIu64 " messages, %s, %" PRIu64 "/s, %s left\n",
            progress->label, done, progress->total, figures->amount, figures->rate, figures->left);
}

void ph_progress_update(struct ph_progress *progress, uint64_t done, uint64_t octets)
{
    uint64_t now_us = ph_mono_us(&ph_clock_system);
    if (now_us - progress->shown_us < (progress->is_terminal ? TERMINAL_US : LINE_US)) {
        return;
    }
    progress->shown_us = now_us;
    struct figures figures;
    find_figures(progress, now_us, done, octets, &figures);
    if (progress->is_terminal) {
        show_bar(progress, done, &figures);
    } else {
        show_line(progress, done, &figures);
    }
}

void ph_progress_clear(struct ph_progress *progress)
{
    if (progress->is_shown) {
        fputs("\r\033[K", progress->out);
        fflush(progress->out);
        progress->is_shown = false;
    }
}

void ph_progress_end(struct ph_progress *progress, uint64_t done, uint64_t octets)
{
    ph_progress_clear(progress);
    struct figures figures;
    uint64_t now_us = ph_mono_us(&ph_clock_system);
    find_figures(progress, now_us, done, octets, &figures);
    char spent[32];
    ph_progress_duration((now_us - progress->began_us) / 1000000, spent, sizeof spent);
    fprintf(progress->out, "%s: %" PRIu64 " messages, %s, in %s, %" PRIu64 "/s\n", progress->label, done,
            figures.amount, spent, figures.rate);
}
