/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the formats of task/source.h share. Each begins with a struct ph_source.
 */
#ifndef PH_TASK_SOURCE_PRIVATE_H
#define PH_TASK_SOURCE_PRIVATE_H

#include "task/source.h"

struct ph_source_kind {
    const char *name; /* of the format */
    int (*next_folder)(struct ph_source *source, struct ph_source_folder *out_folder, struct ph_error *err);
    int (*next_message)(struct ph_source *source, struct ph_source_message *out_message,
                        struct ph_error *err);
    void (*free)(struct ph_source *source);
};

struct ph_source {
    const struct ph_source_kind *kind;
    struct ph_source_options options;
    struct ph_message_sink sink;
    uint64_t count;
};

/* FD is open on PATH. */
int ph_source_mbox_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                       struct ph_error *err) PH_MUST_USE;
int ph_source_maildir_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                          struct ph_error *err) PH_MUST_USE;
int ph_source_eml_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                      struct ph_error *err) PH_MUST_USE;

void ph_source_init(struct ph_source *source, const struct ph_source_kind *kind,
                    const struct ph_source_options *options);
void ph_source_problem(const struct ph_source *source, const char *where, const struct ph_error *err);

#endif
