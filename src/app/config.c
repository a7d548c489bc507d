/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: read, override, check, complete, and then libcyaml turns the completed text into the struct.
 */
#include "app/config.h"

#include <stdlib.h>

#include <cyaml/cyaml.h>

#include "app/config_check.h"
#include "base/mem.h"

/* ---- The schema ---- */

#define STRING(name, text) {text, name},
#define STRINGS(set) static const cyaml_strval_t strings_##set[] = {PH_CONFIG_CHOICES_##set(STRING)};
PH_CONFIG_CHOICE_SETS(STRINGS)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

#define PH_CONFIG_BEGIN(section, doc) static const cyaml_schema_field_t fields_##section[] = {
#define PH_CONFIG_END(section)                                                    \
    CYAML_FIELD_END                                                               \
    }                                                                             \
    ;                                                                             \
    static const cyaml_schema_value_t value_##section __attribute__((unused)) = { \
        CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ph_config_##section, fields_##section)};
#define PH_CONFIG_NUMBER(section, key, fallback, min, max, unit, reload, doc) \
    CYAML_FIELD_UINT(#key, CYAML_FLAG_DEFAULT, struct ph_config_##section, key),
#define PH_CONFIG_OCTETS(section, key, fallback, min, max, reload, doc) \
    CYAML_FIELD_UINT(#key, CYAML_FLAG_DEFAULT, struct ph_config_##section, key),
#define PH_CONFIG_SWITCH(section, key, fallback, reload, doc) \
    CYAML_FIELD_BOOL(#key, CYAML_FLAG_DEFAULT, struct ph_config_##section, key),
#define PH_CONFIG_CHOICE(section, key, set, fallback, reload, doc)                            \
    CYAML_FIELD_ENUM(#key, CYAML_FLAG_STRICT, struct ph_config_##section, key, strings_##set, \
                     CYAML_ARRAY_LEN(strings_##set)),
#define PH_CONFIG_TEXT(section, key, kind, fallback, reload, doc) \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct ph_config_##section, key, 0, CYAML_UNLIMITED),
#define PH_CONFIG_TEXTS(section, key, kind, fallback, reload, doc)                                  \
    CYAML_FIELD_SEQUENCE(#key, CYAML_FLAG_POINTER, struct ph_config_##section, key, &text_value, 0, \
                         CYAML_UNLIMITED),
#define PH_CONFIG_INSIDE(section, key, inner) \
    CYAML_FIELD_MAPPING(#key, CYAML_FLAG_DEFAULT, struct ph_config_##section, key, fields_##inner),
#define PH_CONFIG_SEVERAL(section, key, inner, reload, doc)                                            \
    CYAML_FIELD_SEQUENCE(#key, CYAML_FLAG_POINTER, struct ph_config_##section, key, &value_##inner, 0, \
                         CYAML_UNLIMITED),
#include "app/config.def"

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ph_config_root, fields_root),
};

/* Keeps the first message, which names the trouble; those behind it are a backtrace. */
PH_PRINTF(3, 0)
static void keep_message(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct ph_error *err = ctx;
    if (level >= CYAML_LOG_ERROR && err->text[0] == '\0' &&
        vsnprintf(err->text, sizeof err->text, fmt, args) > 0) {
        err->text[strcspn(err->text, "\n")] = '\0';
    }
}

static const cyaml_config_t cyaml = {
    .log_fn = keep_message,
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_WARNING,
};

/* ---- Settings as text ---- */

struct walk {
    struct ph_config_document *document;
    struct ph_config *config;
    size_t cap;
};

static void append_value(struct ph_config_document *document, int node, struct ph_buf *out)
{
    const yaml_node_t *value = ph_config_node(document, node);
    if (value->type == YAML_SCALAR_NODE) {
        ph_buf_bytes(out, ph_config_node_text(document, node));
        return;
    }
    for (const yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top; item++) {
        ph_buf_str(out, item == value->data.sequence.items.start ? "" : " ");
        ph_buf_bytes(out, ph_config_node_text(document, *item));
    }
}

static void add_setting(struct walk *walk, const struct ph_config_key *key, int node, struct ph_bytes path)
{
    struct ph_config *config = walk->config;
    if (config->setting_count == walk->cap) {
        walk->cap = walk->cap == 0 ? 64 : walk->cap * 2;
        config->settings = ph_realloc(config->settings, walk->cap * sizeof config->settings[0]);
    }
    struct ph_buf value = PH_BUF(SIZE_MAX);
    append_value(walk->document, node, &value);
    config->settings[config->setting_count++] = (struct ph_config_setting){
        .path = ph_bytes_dup(path),
        .value = ph_bytes_dup(ph_buf_view(&value)),
        .is_live = key->is_live,
    };
    ph_buf_fini(&value);
}

static void walk_section(struct walk *walk, const struct ph_config_section *section, int node,
                         struct ph_buf *path)
{
    size_t base = path->len;
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        path->len = base;
        ph_buf_printf(path, "%s%s", base == 0 ? "" : ".", key->name);
        int value = ph_config_node_get(walk->document, node, key->name);
        if (key->inner == NULL) {
            add_setting(walk, key, value, ph_buf_view(path));
        } else if (key->type == PH_CONFIG_TYPE_INSIDE) {
            walk_section(walk, key->inner, value, path);
        } else {
            const yaml_node_t *list = ph_config_node(walk->document, value);
            size_t at = 0;
            size_t inside = path->len;
            for (const yaml_node_item_t *item = list->data.sequence.items.start;
                 item < list->data.sequence.items.top; item++) {
                path->len = inside;
                ph_buf_printf(path, ".%zu", at++);
                walk_section(walk, key->inner, *item, path);
            }
        }
    }
    path->len = base;
}

static void list_settings(struct ph_config_document *document, struct ph_config *config)
{
    struct walk walk = {document, config, 0};
    struct ph_buf path = PH_BUF(1024);
    walk_section(&walk, ph_config_table, PH_CONFIG_ROOT_NODE, &path);
    ph_buf_fini(&path);
}

static const struct ph_config_setting *find_setting(const struct ph_config *config, const char *path)
{
    for (size_t i = 0; i < config->setting_count; i++) {
        if (strcmp(config->settings[i].path, path) == 0) {
            return &config->settings[i];
        }
    }
    return NULL;
}

void ph_config_compare(const struct ph_config *was, const struct ph_config *now,
                       void (*each)(const struct ph_config_setting *setting, void *ctx), void *ctx)
{
    for (size_t i = 0; i < now->setting_count; i++) {
        const struct ph_config_setting *old = find_setting(was, now->settings[i].path);
        if (old == NULL || strcmp(old->value, now->settings[i].value) != 0) {
            each(&now->settings[i], ctx);
        }
    }
    for (size_t i = 0; i < was->setting_count; i++) {
        if (find_setting(now, was->settings[i].path) == NULL) {
            struct ph_config_setting gone = was->settings[i];
            gone.value = NULL;
            each(&gone, ctx);
        }
    }
}

/* ---- Loading ---- */

static int append_output(void *ctx, unsigned char *bytes, size_t len)
{
    ph_buf_append(ctx, bytes, len);
    return 1;
}

/* The document as text again. It is gone afterwards, as libyaml does it. */
static void emit(struct ph_config_document *document, struct ph_buf *out)
{
    yaml_emitter_t emitter;
    if (yaml_emitter_initialize(&emitter) == 0) {
        abort();
    }
    yaml_emitter_set_output(&emitter, append_output, out);
    yaml_emitter_set_unicode(&emitter, 1);
    if (yaml_emitter_open(&emitter) == 0 || yaml_emitter_dump(&emitter, &document->yaml) == 0 ||
        yaml_emitter_close(&emitter) == 0) {
        ph_buf_clear(out);
    }
    yaml_emitter_delete(&emitter);
    document->yaml = (yaml_document_t){0};
}

static int build(struct ph_config_document *document, struct ph_config **out_config, struct ph_error *err)
{
    ph_config_complete(document);
    struct ph_config *config = ph_zalloc(sizeof *config);
    list_settings(document, config);

    struct ph_buf text = PH_BUF(SIZE_MAX);
    emit(document, &text);
    struct ph_error message = {0};
    cyaml_config_t loader = cyaml;
    loader.log_ctx = &message;
    struct ph_config_root *root = NULL;
    cyaml_err_t failed = cyaml_load_data(text.ptr, text.len, &loader, &schema, (cyaml_data_t **)&root, NULL);
    ph_buf_fini(&text);
    config->root = root;
    if (failed != CYAML_OK) {
        ph_config_free(&config);
        return ph_fail(err, PH_EBUG, "configuration file %s: %s (%s)", document->path, cyaml_strerror(failed),
                       message.text);
    }
    *out_config = config;
    return PH_OK;
}

int ph_config_load(const struct ph_config_source *source, struct ph_config **out_config,
                   struct ph_buf *problems, struct ph_error *err)
{
    struct ph_config_document document;
    int result = ph_config_document_open(&document, source->path, problems, err);
    if (result != PH_OK) {
        return result;
    }
    for (size_t i = 0; i < source->override_count; i++) {
        ph_config_document_override(&document, source->overrides[i]);
    }
    ph_config_check(&document);
    if (document.problem_count > 0) {
        result = ph_fail(err, PH_EINVALID, "configuration file %s: %u %s", source->path,
                         document.problem_count, document.problem_count == 1 ? "error" : "errors");
    } else {
        result = build(&document, out_config, err);
    }
    ph_config_document_close(&document);
    return result;
}

void ph_config_free(struct ph_config **config_ptr)
{
    struct ph_config *config = *config_ptr;
    if (config == NULL) {
        return;
    }
    cyaml_free(&cyaml, &schema, (cyaml_data_t *)config->root, 0);
    for (size_t i = 0; i < config->setting_count; i++) {
        free(config->settings[i].path);
        free(config->settings[i].value);
    }
    free(config->settings);
    free(config);
    *config_ptr = NULL;
}
