/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several keys must agree on, each of them right by itself.
 */
#include "app/config_check.h"

#include <stdio.h>

enum { KEY_PATH_MAX = 256 };

/* ---- Listeners ---- */

/* The text of KEY in a checked mapping, or its default. */
static struct ph_bytes text_of(struct ph_config_document *document, int mapping, const char *key,
                               const char *fallback)
{
    int node = ph_config_node_get(document, mapping, key);
    return node == 0 ? ph_bytes_str(fallback) : ph_config_node_text(document, node);
}

static bool has_certificates(struct ph_config_document *document)
{
    int tls = ph_config_node_get(document, PH_CONFIG_ROOT_NODE, "tls");
    if (tls == 0 || ph_config_node_is_null(document, tls)) {
        return false;
    }
    int list = ph_config_node_get(document, tls, "certificates");
    if (list == 0 || ph_config_node_is_null(document, list)) {
        return false;
    }
    const yaml_node_t *node = ph_config_node(document, list);
    return node->data.sequence.items.top > node->data.sequence.items.start;
}

static void check_listener(struct ph_config_document *document, int listener, const char *path, bool has_tls)
{
    struct ph_bytes tls = text_of(document, listener, "tls", "starttls");
    if (!has_tls && !ph_bytes_eq(tls, PH_BYTES("none"))) {
        int node = ph_config_node_get(document, listener, "tls");
        ph_config_document_problem(document, node == 0 ? listener : node, path,
                                   "expected none where tls.certificates has no certificate, found %s%.*s",
                                   node == 0 ? "the default " : "", (int)tls.len, (const char *)tls.ptr);
    }
}

/* ---- Cassandra, S3 ---- */

/* The node of KEY in SECTION of the root; 0 where either is not there. */
static int find_key(struct ph_config_document *document, const char *section, const char *key)
{
    int node = ph_config_node_get(document, PH_CONFIG_ROOT_NODE, section);
    return node == 0 || ph_config_node_is_null(document, node) ? 0 : ph_config_node_get(document, node, key);
}

static bool is_empty(struct ph_config_document *document, int node)
{
    if (node == 0) {
        return true;
    }
    const yaml_node_t *found = ph_config_node(document, node);
    return found->type == YAML_SEQUENCE_NODE
               ? found->data.sequence.items.top == found->data.sequence.items.start
               : ph_config_node_text(document, node).len == 0;
}

/* KEY of the section NAME must say something, because of WHY. */
static void need(struct ph_config_document *document, const char *name, const char *key, const char *why)
{
    int node = find_key(document, name, key);
    if (is_empty(document, node)) {
        char path[KEY_PATH_MAX];
        snprintf(path, sizeof path, "%s.%s", name, key);
        int section = ph_config_node_get(document, PH_CONFIG_ROOT_NODE, name);
        ph_config_document_problem(document,
                                   node != 0      ? node
                                   : section != 0 ? section
                                                  : PH_CONFIG_ROOT_NODE,
                                   path, "expected a value because of %s, found none", why);
    }
}

static void need_both(struct ph_config_document *document, const char *one, const char *other)
{
    bool has_one = !is_empty(document, find_key(document, "cassandra", one));
    bool has_other = !is_empty(document, find_key(document, "cassandra", other));
    if (has_one != has_other) {
        char why[KEY_PATH_MAX];
        snprintf(why, sizeof why, "cassandra.%s", has_one ? one : other);
        need(document, "cassandra", has_one ? other : one, why);
    }
}

static bool says(struct ph_config_document *document, const char *section, const char *key, const char *text)
{
    int node = find_key(document, section, key);
    return node != 0 && ph_bytes_eq(ph_config_node_text(document, node), ph_bytes_str(text));
}

static void check_content(struct ph_config_document *document)
{
    if (!says(document, "store", "content", "s3")) {
        return;
    }
    need(document, "s3", "endpoint", "store.content: s3");
    need(document, "s3", "bucket", "store.content: s3");
    need(document, "s3", "key_file", "store.content: s3");
    if (!says(document, "store", "engine", "cassandra")) {
        ph_config_document_problem(document, find_key(document, "store", "content"), "store.content",
                                   "expected database where store.engine is not cassandra, found s3");
    }
}

static void check_cassandra(struct ph_config_document *document)
{
    if (says(document, "store", "engine", "cassandra")) {
        need(document, "cassandra", "contact_points", "store.engine: cassandra");
        need(document, "cassandra", "local_datacenter", "store.engine: cassandra");
    }
    need_both(document, "username", "password_file");
    need_both(document, "tls_certificate_file", "tls_key_file");
    if (!is_empty(document, find_key(document, "cassandra", "tls_certificate_file"))) {
        need(document, "cassandra", "tls_ca_file", "cassandra.tls_certificate_file");
    }
}

void ph_config_check_agreement(struct ph_config_document *document)
{
    check_cassandra(document);
    check_content(document);
    int listeners = ph_config_node_get(document, PH_CONFIG_ROOT_NODE, "listeners");
    if (listeners == 0 || ph_config_node_is_null(document, listeners)) {
        return;
    }
    bool has_tls = has_certificates(document);
    const yaml_node_t *list = ph_config_node(document, listeners);
    size_t index = 0;
    for (const yaml_node_item_t *item = list->data.sequence.items.start; item < list->data.sequence.items.top;
         item++) {
        char path[KEY_PATH_MAX];
        snprintf(path, sizeof path, "listeners.%zu.tls", index++);
        check_listener(document, *item, path, has_tls);
    }
}
