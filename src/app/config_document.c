/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's own document does the work; libcyaml reads only what has been checked and completed here, because its
 * messages stop at the first thing that is wrong and know no defaults.
 */
#include "app/config_document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* The line of a node that no file holds. */
static const size_t NO_LINE = SIZE_MAX;

const yaml_node_t *ph_config_node(struct ph_config_document *document, int node)
{
    return yaml_document_get_node(&document->yaml, node);
}

unsigned ph_config_node_line(struct ph_config_document *document, int node)
{
    const yaml_node_t *found = ph_config_node(document, node);
    return found == NULL || found->start_mark.line == NO_LINE ? 0 : (unsigned)found->start_mark.line + 1;
}

struct ph_bytes ph_config_node_text(struct ph_config_document *document, int scalar)
{
    const yaml_node_t *node = ph_config_node(document, scalar);
    return ph_bytes_of(node->data.scalar.value, node->data.scalar.length);
}

bool ph_config_node_is_null(struct ph_config_document *document, int node)
{
    const yaml_node_t *found = ph_config_node(document, node);
    if (found->type != YAML_SCALAR_NODE || found->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    struct ph_bytes text = ph_config_node_text(document, node);
    return text.len == 0 || ph_bytes_eq(text, PH_BYTES("~")) || ph_bytes_ieq(text, PH_BYTES("null"));
}

int ph_config_node_get(struct ph_config_document *document, int mapping, const char *key)
{
    const yaml_node_t *node = ph_config_node(document, mapping);
    const yaml_node_pair_t *end = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < end; pair++) {
        const yaml_node_t *name = ph_config_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            ph_bytes_eq(ph_config_node_text(document, pair->key), ph_bytes_str(key))) {
            return pair->value;
        }
    }
    return 0;
}

void ph_config_document_problem(struct ph_config_document *document, int node, const char *key,
                                const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    unsigned line = ph_config_node_line(document, node);
    if (line == 0) {
        ph_buf_str(document->problems, "--set: ");
    } else {
        ph_buf_printf(document->problems, "%s:%u: ", document->path, line);
    }
    ph_buf_printf(document->problems, "%s%s%s\n", key, key[0] == '\0' ? "" : ": ", text);
    document->problem_count++;
}

/* ---- Adding ---- */

static int added(struct ph_config_document *document, int node)
{
    if (node == 0) {
        abort(); /* out of memory, as in base/mem.c */
    }
    yaml_node_t *made = yaml_document_get_node(&document->yaml, node);
    made->start_mark.line = NO_LINE;
    return node;
}

int ph_config_node_add_text(struct ph_config_document *document, struct ph_bytes text)
{
    return added(document, yaml_document_add_scalar(&document->yaml, NULL, (const yaml_char_t *)text.ptr,
                                                    (int)text.len, YAML_DOUBLE_QUOTED_SCALAR_STYLE));
}

int ph_config_node_add_mapping(struct ph_config_document *document)
{
    return added(document, yaml_document_add_mapping(&document->yaml, NULL, YAML_ANY_MAPPING_STYLE));
}

int ph_config_node_add_sequence(struct ph_config_document *document)
{
    return added(document, yaml_document_add_sequence(&document->yaml, NULL, YAML_ANY_SEQUENCE_STYLE));
}

void ph_config_node_put(struct ph_config_document *document, int mapping, const char *key, int value)
{
    yaml_node_t *node = yaml_document_get_node(&document->yaml, mapping);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *name = ph_config_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            ph_bytes_eq(ph_config_node_text(document, pair->key), ph_bytes_str(key))) {
            pair->value = value;
            return;
        }
    }
    int name = ph_config_node_add_text(document, ph_bytes_str(key));
    if (yaml_document_append_mapping_pair(&document->yaml, mapping, name, value) == 0) {
        abort();
    }
}

void ph_config_node_push(struct ph_config_document *document, int sequence, int value)
{
    if (yaml_document_append_sequence_item(&document->yaml, sequence, value) == 0) {
        abort();
    }
}

/* ---- Reading ---- */

static void begin_empty(struct ph_config_document *document)
{
    if (yaml_document_initialize(&document->yaml, NULL, NULL, NULL, 1, 1) == 0) {
        abort();
    }
    int root = ph_config_node_add_mapping(document);
    /* An empty file is a place too: what lacks, lacks in its first line. */
    yaml_document_get_node(&document->yaml, root)->start_mark.line = 0;
}

static void add_syntax_problem(struct ph_config_document *document, const yaml_parser_t *parser)
{
    ph_buf_printf(document->problems, "%s:%zu: not YAML: %s%s%s\n", document->path,
                  parser->problem_mark.line + 1, parser->problem == NULL ? "unreadable" : parser->problem,
                  parser->context == NULL ? "" : " ", parser->context == NULL ? "" : parser->context);
    document->problem_count++;
}

/* True if DOCUMENT holds a document now. */
static bool load(struct ph_config_document *document, yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, &document->yaml) == 0) {
        add_syntax_problem(document, parser);
        return false;
    }
    if (yaml_document_get_root_node(&document->yaml) == NULL) {
        yaml_document_delete(&document->yaml);
        return false;
    }
    return true;
}

static void check_single(struct ph_config_document *document, yaml_parser_t *parser)
{
    yaml_document_t next;
    if (yaml_parser_load(parser, &next) == 0) {
        add_syntax_problem(document, parser);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    if (root != NULL) {
        ph_buf_printf(document->problems, "%s:%zu: expected one document, found a second\n", document->path,
                      root->start_mark.line + 1);
        document->problem_count++;
    }
    yaml_document_delete(&next);
}

int ph_config_document_open(struct ph_config_document *document, const char *path, struct ph_buf *problems,
                            struct ph_error *err)
{
    *document = (struct ph_config_document){.path = path, .problems = problems};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "configuration file %s", path);
    }
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        abort();
    }
    yaml_parser_set_input_file(&parser, file);
    if (load(document, &parser)) {
        check_single(document, &parser);
    } else {
        begin_empty(document);
    }
    int result = PH_OK;
    if (ferror(file) != 0) {
        /* A directory, above all. */
        result = ph_fail(err, PH_EUNAVAILABLE, "configuration file %s cannot be read: is it a file?", path);
        ph_config_document_close(document);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return result;
}

void ph_config_document_close(struct ph_config_document *document)
{
    yaml_document_delete(&document->yaml);
}

/* ---- --set ---- */

enum { DEPTH_MAX = 8 };

/* Copies NODE of FROM, with all below it. */
static int copy_node(struct ph_config_document *document, yaml_document_t *from, int node, int depth)
{
    const yaml_node_t *source = yaml_document_get_node(from, node);
    if (depth > DEPTH_MAX) {
        /* An anchor that holds itself; no key is a list of lists of lists, so the check refuses this. */
        return ph_config_node_add_text(document, PH_BYTES(""));
    }
    if (source->type == YAML_SCALAR_NODE) {
        struct ph_bytes text = ph_bytes_of(source->data.scalar.value, source->data.scalar.length);
        int copy = ph_config_node_add_text(document, text);
        yaml_document_get_node(&document->yaml, copy)->data.scalar.style = source->data.scalar.style;
        return copy;
    }
    if (source->type == YAML_SEQUENCE_NODE) {
        int copy = ph_config_node_add_sequence(document);
        for (const yaml_node_item_t *item = source->data.sequence.items.start;
             item < source->data.sequence.items.top; item++) {
            ph_config_node_push(document, copy, copy_node(document, from, *item, depth + 1));
        }
        return copy;
    }
    int copy = ph_config_node_add_mapping(document);
    for (const yaml_node_pair_t *pair = source->data.mapping.pairs.start;
         pair < source->data.mapping.pairs.top; pair++) {
        int key = copy_node(document, from, pair->key, depth + 1);
        int value = copy_node(document, from, pair->value, depth + 1);
        if (yaml_document_append_mapping_pair(&document->yaml, copy, key, value) == 0) {
            abort();
        }
    }
    return copy;
}

/* A list or a mapping, in YAML's flow form. 0 and a problem where it is none. */
static int add_structure(struct ph_config_document *document, const char *key, const char *text)
{
    yaml_parser_t parser;
    yaml_document_t value;
    if (yaml_parser_initialize(&parser) == 0) {
        abort();
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    int copy = 0;
    if (yaml_parser_load(&parser, &value) == 0) {
        ph_config_document_problem(document, 0, key, "expected YAML, found \"%s\"", text);
    } else {
        if (yaml_document_get_root_node(&value) == NULL) {
            copy = ph_config_node_add_sequence(document);
        } else {
            copy = copy_node(document, &value, 1, 0);
        }
        yaml_document_delete(&value);
    }
    yaml_parser_delete(&parser);
    return copy;
}

/* The section that KEY of MAPPING holds, made where it lacks; 0 where something else stands there, which the check will say. */
static int step_inside(struct ph_config_document *document, int mapping, const char *key,
                       yaml_node_type_t type)
{
    int inner = ph_config_node_get(document, mapping, key);
    if (inner == 0 || ph_config_node_is_null(document, inner)) {
        inner = type == YAML_MAPPING_NODE ? ph_config_node_add_mapping(document)
                                          : ph_config_node_add_sequence(document);
        ph_config_node_put(document, mapping, key, inner);
    }
    return ph_config_node(document, inner)->type == type ? inner : 0;
}

/* Item INDEX of SEQUENCE, a mapping; made where it is one past the last; else 0. */
static int step_item(struct ph_config_document *document, int sequence, struct ph_bytes index)
{
    const yaml_node_t *node = ph_config_node(document, sequence);
    uint64_t at = 0;
    uint64_t count = (uint64_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (!ph_bytes_to_u64(index, &at) || at > count) {
        return 0;
    }
    if (at < count) {
        int item = node->data.sequence.items.start[at];
        return ph_config_node(document, item)->type == YAML_MAPPING_NODE ? item : 0;
    }
    int item = ph_config_node_add_mapping(document);
    ph_config_node_push(document, sequence, item);
    return item;
}

static struct ph_bytes next_part(struct ph_bytes *rest)
{
    size_t dot = ph_bytes_find(*rest, '.');
    struct ph_bytes part = ph_bytes_first(*rest, dot);
    *rest = ph_bytes_from(*rest, dot + 1);
    return part;
}

void ph_config_document_override(struct ph_config_document *document, const char *assignment)
{
    struct ph_bytes all = ph_bytes_str(assignment);
    size_t equals = ph_bytes_find(all, '=');
    char *path = ph_bytes_dup(ph_bytes_first(all, equals));
    if (equals == all.len || equals == 0) {
        ph_config_document_problem(document, 0, path, "expected KEY=VALUE");
        free(path);
        return;
    }
    const char *value = assignment + equals + 1;
    const struct ph_config_section *section = ph_config_table;
    /* A file that is a list or a text is refused by the check. */
    int mapping =
        ph_config_node(document, PH_CONFIG_ROOT_NODE)->type == YAML_MAPPING_NODE ? PH_CONFIG_ROOT_NODE : 0;
    struct ph_bytes rest = ph_bytes_str(path);
    while (mapping != 0) {
        struct ph_bytes name = next_part(&rest);
        const struct ph_config_key *key = ph_config_key_find(section, name);
        if (key == NULL || (rest.len > 0 && key->inner == NULL)) {
            ph_config_document_problem(document, 0, path, "no such key");
            break;
        }
        if (rest.len == 0) {
            bool is_text = key->inner == NULL && key->type != PH_CONFIG_TYPE_TEXTS;
            int node = is_text ? ph_config_node_add_text(document, ph_bytes_str(value))
                               : add_structure(document, path, value);
            if (node != 0) {
                ph_config_node_put(document, mapping, key->name, node);
            }
            break;
        }
        section = key->inner;
        if (key->type == PH_CONFIG_TYPE_INSIDE) {
            mapping = step_inside(document, mapping, key->name, YAML_MAPPING_NODE);
            continue;
        }
        int sequence = step_inside(document, mapping, key->name, YAML_SEQUENCE_NODE);
        struct ph_bytes index = next_part(&rest);
        mapping = sequence == 0 || rest.len == 0 ? 0 : step_item(document, sequence, index);
        if (mapping == 0) {
            ph_config_document_problem(
                document, 0, path, "expected %s.INDEX.KEY, with an index of at most one past the last item",
                key->name);
            mapping = 0;
        }
    }
    free(path);
}
