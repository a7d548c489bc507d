/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posthouse-docs: the tables of configuration and commands as documentation. Built beside the server, not installed.
 * tools/generate-docs puts its output into the templates under docs/templates.
 *
 *     posthouse-docs config-markdown | config-man | commands-man | options-man | bash | zsh
 */
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/config_table.h"
#include "app/docs.h"

/* ---- Text ---- */

/* A sentence of the tables in roff: `x` becomes bold. A line never begins with a dot or an apostrophe. */
static void roff(const char *text)
{
    bool is_bold = false;
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '`':
            is_bold = !is_bold;
            fputs(is_bold ? "\\fB" : "\\fR", stdout);
            break;
        case '\\': fputs("\\e", stdout); break;
        case '-': fputs("\\-", stdout); break;
        case '\'': fputs("\\(aq", stdout); break;
        case '"': fputs("\\(dq", stdout); break;
        default: putchar(*text);
        }
    }
}

static void roff_line(const char *text)
{
    roff(text);
    putchar('\n');
}

/* In a cell of a table of Markdown. */
static void cell(const char *text)
{
    for (; *text != '\0'; text++) {
        fputs(*text == '|' ? "\\|" : (const char[]){*text, '\0'}, stdout);
    }
}

/* ---- Configuration ---- */

static void describe_value(const struct ph_config_key *key, char *out, size_t size)
{
    static const char *const kinds[] = {
        [PH_CONFIG_KIND_HOSTNAME] = "host name", [PH_CONFIG_KIND_PATH] = "absolute path",
        [PH_CONFIG_KIND_ADDRESS] = "address",    [PH_CONFIG_KIND_NETWORK] = "network",
        [PH_CONFIG_KIND_MODE] = "permissions",   [PH_CONFIG_KIND_SEPARATOR] = "character",
        [PH_CONFIG_KIND_MAILBOX] = "user",       [PH_CONFIG_KIND_LINE] = "text",
    };
    switch (key->type) {
    case PH_CONFIG_TYPE_NUMBER:
        snprintf(out, size, "%llu to %llu %s", (unsigned long long)key->min, (unsigned long long)key->max,
                 key->unit);
        break;
    case PH_CONFIG_TYPE_SWITCH: snprintf(out, size, "`true` or `false`"); break;
    case PH_CONFIG_TYPE_CHOICE: {
        size_t used = 0;
        for (const char *const *choice = key->choices; *choice != NULL && used < size; choice++) {
            used += (size_t)snprintf(out + used, size - used, "%s`%s`", choice == key->choices ? "" : ", ",
                                     *choice);
        }
        break;
    }
    case PH_CONFIG_TYPE_TEXT: snprintf(out, size, "%s", kinds[key->kind]); break;
    case PH_CONFIG_TYPE_TEXTS: snprintf(out, size, "list of %ss", kinds[key->kind]); break;
    case PH_CONFIG_TYPE_INSIDE: snprintf(out, size, "section"); break;
    case PH_CONFIG_TYPE_SEVERAL: snprintf(out, size, "list of sections"); break;
    }
}

/* As it would stand in the file. */
static void describe_default(const struct ph_config_key *key, char *out, size_t size)
{
    if (key->inner != NULL) {
        snprintf(out, size, "none");
    } else if (key->fallback == NULL) {
        snprintf(out, size, "required");
    } else if (key->type == PH_CONFIG_TYPE_TEXTS) {
        size_t used = (size_t)snprintf(out, size, "`[");
        struct ph_bytes rest = ph_bytes_str(key->fallback);
        for (bool is_first = true; rest.len > 0 && used < size; is_first = false) {
            struct ph_bytes word = ph_bytes_next_word(&rest);
            used += (size_t)snprintf(out + used, size - used, "%s\"%.*s\"", is_first ? "" : ", ",
                                     (int)word.len, (const char *)word.ptr);
        }
        snprintf(out + used, used < size ? size - used : 0, "]`");
    } else if (key->kind == PH_CONFIG_KIND_HOSTNAME && key->type == PH_CONFIG_TYPE_TEXT) {
        snprintf(out, size, "the machine's name");
    } else {
        snprintf(out, size, key->fallback[0] == '\0' ? "`\"\"`" : "`%s`", key->fallback);
    }
}

/* Calls EACH for every section, after its path: "", "listeners[]", "tls.certificates[]". */
static void each_section(const struct ph_config_section *section, const char *path,
                         void (*each)(const struct ph_config_section *section, const char *path))
{
    each(section, path);
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        if (key->inner != NULL) {
            char inner[128];
            snprintf(inner, sizeof inner, "%s%s%s%s", path, path[0] == '\0' ? "" : ".", key->name,
                     key->type == PH_CONFIG_TYPE_SEVERAL ? "[]" : "");
            each_section(key->inner, inner, each);
        }
    }
}

static void section_markdown(const struct ph_config_section *section, const char *path)
{
    printf("\n## %s\n\n", path[0] == '\0' ? "The file" : path);
    printf("%s\n\n", section->doc);
    printf("| key | value | default | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        char value[256] = "";
        char fallback[128] = "";
        describe_value(key, value, sizeof value);
        describe_default(key, fallback, sizeof fallback);
        printf("| `%s` | ", key->name);
        cell(value);
        printf(" | %s | ", fallback);
        cell(key->doc == NULL ? key->inner->doc : key->doc);
        printf("%s |\n", key->is_live ? " *(reload)*" : "");
    }
}

static void section_man(const struct ph_config_section *section, const char *path)
{
    printf(".SS ");
    roff_line(path[0] == '\0' ? "The file" : path);
    roff_line(section->doc);
    for (size_t i = 0; i < section->key_count; i++) {
        const struct ph_config_key *key = &section->keys[i];
        char value[256] = "";
        char fallback[128] = "";
        describe_value(key, value, sizeof value);
        describe_default(key, fallback, sizeof fallback);
        printf(".TP\n\\fB");
        roff(key->name);
        printf("\\fR: ");
        roff(value);
        printf(" (");
        roff(fallback);
        printf("%s)\n", key->is_live ? "; reload" : "");
        roff_line(key->doc == NULL ? key->inner->doc : key->doc);
    }
}

/* ---- Commands ---- */

static void option_man(enum ph_cli_option option)
{
    const struct ph_cli_option_info *info = &ph_cli_option_infos[option];
    printf(".TP\n");
    if (info->letter != 0) {
        printf("\\fB\\-%c\\fR, ", info->letter);
    }
    printf("\\fB");
    roff(info->name);
    printf("\\fR");
    if (info->value != NULL) {
        printf(" \\fI");
        roff(info->value);
        printf("\\fR");
    }
    printf("\n");
    /* The tables say it in words that begin small. */
    char text[256];
    snprintf(text, sizeof text, "%s.", info->doc);
    text[0] = (char)(text[0] >= 'a' && text[0] <= 'z' ? text[0] - ('a' - 'A') : text[0]);
    roff_line(text);
}

static void options_man(void)
{
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        option_man(i);
    }
}

static void commands_man(void)
{
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        const struct ph_cli_command *command = &ph_cli_commands[i];
        printf(".TP\n\\fB");
        roff(command->name);
        printf("\\fR");
        if (command->arguments[0] != '\0') {
            printf(" \\fI");
            roff(command->arguments);
            printf("\\fR");
        }
        for (unsigned option = 0; option < PH_CLI_OPTION_COUNT; option++) {
            if ((command->options & UINT64_C(1) << option) != 0) {
                const struct ph_cli_option_info *info = &ph_cli_option_infos[option];
                printf(" [\\fB");
                roff(info->name);
                printf("\\fR");
                if (info->value != NULL) {
                    printf(" \\fI");
                    roff(info->value);
                    printf("\\fR");
                }
                printf("]");
            }
        }
        printf("\n");
        roff_line(command->summary);
        if (command->text != NULL) {
            roff_line(command->text);
        }
    }
}

static void config_markdown(void)
{
    each_section(ph_config_table, "", section_markdown);
}

static void config_man(void)
{
    each_section(ph_config_table, "", section_man);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } kinds[] = {
        {"config-markdown", config_markdown}, {"config-man", config_man}, {"commands-man", commands_man},
        {"options-man", options_man},         {"bash", ph_docs_bash},     {"zsh", ph_docs_zsh},
    };
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].print();
            return 0;
        }
    }
    fprintf(stderr, "usage: posthouse-docs KIND\n");
    return 64;
}
