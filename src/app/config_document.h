/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML document of a configuration while it is being loaded: nodes with the lines they stand in, changed by
 * --set, checked against the table, completed with defaults.
 *
 * Nodes are named by their number, which stays when nodes are added (their memory does not). 0 is no node.
 */
#ifndef PH_APP_CONFIG_DOCUMENT_H
#define PH_APP_CONFIG_DOCUMENT_H

#include <yaml.h>

#include "app/config_table.h"
#include "base/buf.h"

struct ph_config_document {
    const char *path; /* of the file, for messages */
    yaml_document_t yaml;
    struct ph_buf *problems;
    unsigned problem_count;
};

/* Reads a file that holds one document, a mapping or nothing. What is no YAML becomes a problem and the document is
 * then empty. PH_ENOTFOUND, PH_EDENIED, PH_EUNAVAILABLE: the file cannot be read; there is no document then. */
int ph_config_document_open(struct ph_config_document *document, const char *path, struct ph_buf *problems,
                            struct ph_error *err) PH_MUST_USE;
void ph_config_document_close(struct ph_config_document *document);

/* One `--set KEY=VALUE`. Sections on the way are made where they lack; an index may be one past the last item. */
void ph_config_document_override(struct ph_config_document *document, const char *assignment);

/* Adds a problem, with the place of NODE in front: `FILE:LINE: KEY: TEXT`, or `--set: KEY: TEXT`. */
void ph_config_document_problem(struct ph_config_document *document, int node, const char *key,
                                const char *fmt, ...) PH_PRINTF(4, 5);

enum { PH_CONFIG_ROOT_NODE = 1 };

const yaml_node_t *ph_config_node(struct ph_config_document *document, int node);
/* The value of KEY in a mapping, 0 where there is none. */
int ph_config_node_get(struct ph_config_document *document, int mapping, const char *key);
struct ph_bytes ph_config_node_text(struct ph_config_document *document, int scalar);
/* A value left empty, `~` or `null`. */
bool ph_config_node_is_null(struct ph_config_document *document, int node);
unsigned ph_config_node_line(struct ph_config_document *document, int node); /* from 1; 0: from --set */

/* Adding; the place of what is added is "--set". */
int ph_config_node_add_text(struct ph_config_document *document, struct ph_bytes text);
int ph_config_node_add_mapping(struct ph_config_document *document);
int ph_config_node_add_sequence(struct ph_config_document *document);
void ph_config_node_put(struct ph_config_document *document, int mapping, const char *key, int value);
void ph_config_node_push(struct ph_config_document *document, int sequence, int value);

#endif
