/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_check.h"

#include <stdio.h>
#include <unistd.h>

#include "app/config_kind.h"

enum { KEY_PATH_MAX = 256, FOUND_MAX = 80 };

/* ---- What was found, for a message ---- */

static const char *describe(struct ph_config_document *document, int node, char out[FOUND_MAX])
{
    const yaml_node_t *found = ph_config_node(document, node);
    if (found->type == YAML_MAPPING_NODE) {
        return "a section";
    }
    if (found->type == YAML_SEQUENCE_NODE) {
        return "a list";
    }
    if (ph_config_node_is_null(document, node)) {
        return "nothing";
    }
    struct ph_bytes text = ph_config_node_text(document, node);
    snprintf(out, FOUND_MAX, "\"%.*s\"%s", (int)(text.len > 60 ? 60 : text.len), (const char *)text.ptr,
             text.len > 60 ? " ..." : "");
    return out;
}

static void expected(struct ph_config_document *document, int node, const char *path, const char *what)
{
    char found[FOUND_MAX];
    ph_config_document_problem(document, node, path, "expected %s, found %s", what,
                               describe(document, node, found));
}

/* ---- Texts ---- */

static void check_text(struct ph_config_document *document, const struct ph_config_key *key, int node,
                       const char *path)
{
    /* What is written as nothing at all may be meant as "", but is more often forgotten. */
    if (ph_config_node(document, node)->type != YAML_SCALAR_NODE || ph_config_node_is_null(document, node) ||
        !ph_config_kind_has(key->kind, ph_config_node_text(document, node))) {
        expected(document, node, path, ph_config_kind_name(key->kind));
    }
}

static void check_texts(struct ph_config_document *document, const struct ph_config_key *key, int node,
                        const char *path)
{
    const yaml_node_t *list = ph_config_node(document, node);
    if (list->type != YAML_SEQUENCE_NODE) {
        expected(document, node, path, "a list");
        return;
    }
    size_t index = 0;
    for (const yaml_node_item_t *item = list->data.sequence.items.start; item < list->data.sequence.items.top;
         item++) {
        char item_path[KEY_PATH_MAX];
        snprintf(item_path, sizeof item_path, "%.200s.%zu", path, index++);
        check_text(document, key, *item, item_path);
    }
}

/* ---- Other scalars ---- */

static void check_number(struct ph_config_document *document, const struct ph_config_key *key, int node,
                         const char *path)
{
    uint64_t value = 0;
    bool is_scalar = ph_config_node(document, node)->type == YAML_SCALAR_NODE;
    struct ph_bytes text = is_scalar ? ph_config_node_text(document, node) : PH_BYTES("");
    /* A leading zero means octal to some readers of YAML: nobody has to guess. */
    bool is_number = ph_bytes_to_u64(text, &value) && (text.len == 1 || text.ptr[0] != '0');
    if (!is_number || value < key->min || value > key->max) {
        char what[FOUND_MAX];
        snprintf(what, sizeof what, "a number of %s from %llu to %llu", key->unit,
                 (unsigned long long)key->min, (unsigned long long)key->max);
        expected(document, node, path, what);
    }
}

static void check_switch(struct ph_config_document *document, int node, const char *path)
{
    if (ph_config_node(document, node)->type == YAML_SCALAR_NODE) {
        struct ph_bytes text = ph_config_node_text(document, node);
        if (ph_bytes_eq(text, PH_BYTES("true")) || ph_bytes_eq(text, PH_BYTES("false"))) {
            return;
        }
    }
    expected(document, node, path, "true or false");
}

static void check_choice(struct ph_config_document *document, const struct ph_config_key *key, int node,
                         const char *path)
{
    struct ph_buf what = PH_BUF(256);
    ph_buf_str(&what, "one of");
    for (const char *const *choice = key->choices; *choice != NULL; choice++) {
        if (ph_config_node(document, node)->type == YAML_SCALAR_NODE &&
            ph_bytes_eq(ph_config_node_text(document, node), ph_bytes_str(*choice))) {
            ph_buf_fini(&what);
            return;
        }
        ph_buf_printf(&what, "%s %s", choice == key->choices ? "" : ",", *choice);
    }
    expected(document, node, path, ph_buf_cstr(&what));
    ph_buf_fini(&what);
}

/* ---- Sections ---- */

static void check_section(struct ph_config_document *document, const struct ph_config_section *section,
                          int node, const char *path);

static void check_several(struct ph_config_document *document, const struct ph_config_key *key, int node,
                          const char *path)
{
    const yaml_node_t *list = ph_config_node(document, node);
    if (list->type != YAML_SEQUENCE_NODE) {
        expected(document, node, path, "a list");
        return;
    }
    size_t index = 0;
    for (const yaml_node_item_t *item = list->data.sequence.items.start; item < list->data.sequence.items.top;
         item++) {
        char item_path[KEY_PATH_MAX];
        snprintf(item_path, sizeof item_path, "%.200s.%zu", path, index++);
        check_section(document, key->inner, *item, item_path);
    }
}

static void check_value(struct ph_config_document *document, const struct ph_config_key *key, int node,
                        const char *path)
{
    switch (key->type) {
    case PH_CONFIG_TYPE_NUMBER: check_number(document, key, node, path); break;
    case PH_CONFIG_TYPE_SWITCH: check_switch(document, node, path); break;
    case PH_CONFIG_TYPE_CHOICE: check_choice(document, key, node, path); break;
    case PH_CONFIG_TYPE_TEXT: check_text(document, key, node, path); break;
    case PH_CONFIG_TYPE_TEXTS: check_texts(document, key, node, path); break;
    case PH_CONFIG_TYPE_INSIDE:
        /* A section whose keys are all commented out. */
        if (!ph_config_node_is_null(document, node)) {
            check_section(document, key->inner, node, path);
        }
        break;
    case PH_CONFIG_TYPE_SEVERAL:
        if (!ph_config_node_is_null(document, node)) {
            check_several(document, key, node, path);
        }
        break;
    }
}

static void unknown_key(struct ph_config_document *document, const struct ph_config_section *section,
                        int node, const char *path)
{
    struct ph_buf known = PH_BUF(1024);
    for (size_t i = 0; i < section->key_count; i++) {
        ph_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", section->keys[i].name);
    }
    ph_config_document_problem(document, node, path, "no such key; expected one of %s", ph_buf_cstr(&known));
    ph_buf_fini(&known);
}

/* Checks the pair at index AT of a mapping. */
static void check_pair(struct ph_config_document *document, const struct ph_config_section *section,
                       const yaml_node_pair_t *pairs, size_t at, const char *path)
{
    int name_node = pairs[at].key;
    if (ph_config_node(document, name_node)->type != YAML_SCALAR_NODE) {
        expected(document, name_node, path, "a key");
        return;
    }
    struct ph_bytes name = ph_config_node_text(document, name_node);
    char key_path[KEY_PATH_MAX];
    snprintf(key_path, sizeof key_path, "%s%s%.*s", path, path[0] == '\0' ? "" : ".",
             (int)(name.len > 64 ? 64 : name.len), (const char *)name.ptr);
    const struct ph_config_key *key = ph_config_key_find(section, name);
    if (key == NULL) {
        unknown_key(document, section, name_node, key_path);
        return;
    }
    for (size_t i = 0; i < at; i++) {
        if (ph_config_node(document, pairs[i].key)->type == YAML_SCALAR_NODE &&
            ph_bytes_eq(ph_config_node_text(document, pairs[i].key), name)) {
            ph_config_document_problem(document, name_node, key_path,
                                       "expected once, found already in line %u",
                                       ph_config_node_line(document, pairs[i].key));
            return;
        }
    }
    check_value(document, key, pairs[at].value, key_path);
}

static void check_section(struct ph_config_document *document, const struct ph_config_section *section,
                          int node, const char *path)
{
    const yaml_node_t *mapping = ph_config_node(document, node);
    if (mapping->type != YAML_MAPPING_NODE) {
        expected(document, node, path, "keys with values");
        return;
    }
    const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
    size_t count = (size_t)(mapping->data.mapping.pairs.top - pairs);
    for (size_t i = 0; i < count; i++) {
        check_pair(document, section, pairs, i, path);
    }
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        if (key->fallback == NULL && key->inner == NULL &&
            ph_config_node_get(document, node, key->name) == 0) {
            ph_config_document_problem(document, node, path, "expected a key %s, found none", key->name);
        }
    }
}

void ph_config_check(struct ph_config_document *document)
{
    check_section(document, ph_config_table, PH_CONFIG_ROOT_NODE, "");
    if (document->problem_count == 0) {
        ph_config_check_agreement(document);
    }
}

/* ---- Completing ---- */

static int default_of(struct ph_config_document *document, const struct ph_config_key *key)
{
    if (key->type == PH_CONFIG_TYPE_TEXTS) {
        int list = ph_config_node_add_sequence(document);
        struct ph_bytes rest = ph_bytes_str(key->fallback);
        for (struct ph_bytes word = ph_bytes_next_word(&rest); word.len > 0;
             word = ph_bytes_next_word(&rest)) {
            ph_config_node_push(document, list, ph_config_node_add_text(document, word));
        }
        return list;
    }
    char name[256] = "localhost";
    if (key->kind == PH_CONFIG_KIND_HOSTNAME && key->type == PH_CONFIG_TYPE_TEXT &&
        key->fallback[0] == '\0') {
        if (gethostname(name, sizeof name - 1) != 0 ||
            !ph_config_kind_has(PH_CONFIG_KIND_HOSTNAME, ph_bytes_str(name))) {
            return ph_config_node_add_text(document, PH_BYTES("localhost"));
        }
        return ph_config_node_add_text(document, ph_bytes_str(name));
    }
    return ph_config_node_add_text(document, ph_bytes_str(key->fallback));
}

static void complete_section(struct ph_config_document *document, const struct ph_config_section *section,
                             int node)
{
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        int value = ph_config_node_get(document, node, key->name);
        if (key->inner == NULL) {
            if (value == 0) {
                value = default_of(document, key);
                ph_config_node_put(document, node, key->name, value);
            }
            continue;
        }
        if (value == 0 || ph_config_node_is_null(document, value)) {
            value = key->type == PH_CONFIG_TYPE_INSIDE ? ph_config_node_add_mapping(document)
                                                       : ph_config_node_add_sequence(document);
            ph_config_node_put(document, node, key->name, value);
        }
        if (key->type == PH_CONFIG_TYPE_INSIDE) {
            complete_section(document, key->inner, value);
            continue;
        }
        for (size_t at = 0;; at++) {
            /* Asked anew each time: adding nodes moves them. */
            const yaml_node_t *list = ph_config_node(document, value);
            if (at >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start)) {
                break;
            }
            complete_section(document, key->inner, list->data.sequence.items.start[at]);
        }
    }
}

void ph_config_complete(struct ph_config_document *document)
{
    complete_section(document, ph_config_table, PH_CONFIG_ROOT_NODE);
}
