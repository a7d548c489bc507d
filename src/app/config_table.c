/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_table.h"

#include "app/config.h"

#define CHOICE_TEXT(name, text) text,
#define CHOICE_SET(set) \
    static const char *const choices_##set[] = {PH_CONFIG_CHOICES_##set(CHOICE_TEXT) NULL};
PH_CONFIG_CHOICE_SETS(CHOICE_SET)

enum { RESTART, LIVE };

/* A section stands complete where it ends, so that those behind it may hold it. */
#define PH_CONFIG_BEGIN(section, text)           \
    static const char doc_of_##section[] = text; \
    static const struct ph_config_key keys_of_##section[] = {
#define PH_CONFIG_END(section)                                  \
    }                                                           \
    ;                                                           \
    static const struct ph_config_section section_##section = { \
        #section, doc_of_##section, keys_of_##section,          \
        sizeof keys_of_##section / sizeof keys_of_##section[0]};
#define PH_CONFIG_NUMBER(section, key, text, least, most, of, reload, about) \
    {.name = #key,                                                           \
     .type = PH_CONFIG_TYPE_NUMBER,                                          \
     .fallback = #text,                                                      \
     .min = least,                                                           \
     .max = most,                                                            \
     .unit = of,                                                             \
     .is_live = reload,                                                      \
     .doc = about},
#define PH_CONFIG_OCTETS(section, key, text, least, most, reload, about) \
    PH_CONFIG_NUMBER(section, key, text, least, most, "octets", reload, about)
#define PH_CONFIG_SWITCH(section, key, text, reload, about) \
    {.name = #key, .type = PH_CONFIG_TYPE_SWITCH, .fallback = text, .is_live = reload, .doc = about},
#define PH_CONFIG_CHOICE(section, key, set, text, reload, about) \
    {.name = #key,                                               \
     .type = PH_CONFIG_TYPE_CHOICE,                              \
     .fallback = text,                                           \
     .choices = choices_##set,                                   \
     .is_live = reload,                                          \
     .doc = about},
#define PH_CONFIG_TEXT(section, key, of, text, reload, about) \
    {.name = #key,                                            \
     .type = PH_CONFIG_TYPE_TEXT,                             \
     .kind = PH_CONFIG_KIND_##of,                             \
     .fallback = text,                                        \
     .is_live = reload,                                       \
     .doc = about},
#define PH_CONFIG_TEXTS(section, key, of, text, reload, about) \
    {.name = #key,                                             \
     .type = PH_CONFIG_TYPE_TEXTS,                             \
     .kind = PH_CONFIG_KIND_##of,                              \
     .fallback = text,                                         \
     .is_live = reload,                                        \
     .doc = about},
#define PH_CONFIG_INSIDE(section, key, of) \
    {.name = #key, .type = PH_CONFIG_TYPE_INSIDE, .inner = &section_##of},
#define PH_CONFIG_SEVERAL(section, key, of, reload, about) \
    {.name = #key, .type = PH_CONFIG_TYPE_SEVERAL, .inner = &section_##of, .is_live = reload, .doc = about},
#include "app/config.def"

const struct ph_config_section *const ph_config_table = &section_root;

const struct ph_config_key *ph_config_key_find(const struct ph_config_section *section, struct ph_bytes name)
{
    for (size_t i = 0; i < section->key_count; i++) {
        if (ph_bytes_eq(name, ph_bytes_str(section->keys[i].name))) {
            return &section->keys[i];
        }
    }
    return NULL;
}
