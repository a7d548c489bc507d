/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation answers, on standard output: for people on a terminal as a table, for pipes as lines with tabs,
 * with --json as JSON.
 */
#ifndef PH_APP_OUTPUT_H
#define PH_APP_OUTPUT_H

#include "admin/operations.h"
#include "app/cli.h"

struct ph_output {
    const struct ph_cli_call *call;
    FILE *out;
    bool is_table; /* a list for people: held until the widths are known */
    json_t *rows;
    size_t count;
};

void ph_output_begin(struct ph_output *output, const struct ph_cli_call *call, FILE *out, bool is_terminal);
struct ph_admin_sink ph_output_sink(struct ph_output *output);
/* RESULT NULL: it failed; what was printed is closed. */
void ph_output_end(struct ph_output *output, const json_t *result);

#endif
