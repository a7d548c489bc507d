/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands as the data of shell completions. */
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/docs.h"

static bool is_first_of_group(size_t index)
{
    struct ph_bytes rest = ph_bytes_str(ph_cli_commands[index].name);
    struct ph_bytes first = ph_bytes_next_word(&rest);
    for (size_t i = 0; i < index; i++) {
        struct ph_bytes other = ph_bytes_str(ph_cli_commands[i].name);
        if (ph_bytes_eq(ph_bytes_next_word(&other), first)) {
            return false;
        }
    }
    return true;
}

static struct ph_bytes group_of(size_t index)
{
    struct ph_bytes rest = ph_bytes_str(ph_cli_commands[index].name);
    return ph_bytes_next_word(&rest);
}

static void option_words(uint64_t options)
{
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        if ((options & UINT64_C(1) << i) != 0) {
            printf(" %s", ph_cli_option_infos[i].name);
        }
    }
}

void ph_docs_bash(void)
{
    printf("    local commands=\"");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        if (is_first_of_group(i)) {
            printf("%s%.*s", i == 0 ? "" : " ", (int)group_of(i).len, (const char *)group_of(i).ptr);
        }
    }
    printf("\"\n    local -A actions=(\n");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        if (!is_first_of_group(i) || strchr(ph_cli_commands[i].name, ' ') == NULL) {
            continue;
        }
        printf("        [%.*s]=\"", (int)group_of(i).len, (const char *)group_of(i).ptr);
        const char *before = "";
        for (size_t at = i; at < ph_cli_command_count; at++) {
            struct ph_bytes rest = ph_bytes_str(ph_cli_commands[at].name);
            if (ph_bytes_eq(ph_bytes_next_word(&rest), group_of(i))) {
                printf("%s%.*s", before, (int)rest.len, (const char *)rest.ptr);
                before = " ";
            }
        }
        printf("\"\n");
    }
    printf("    )\n    local common=\"");
    const char *before = "";
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        if ((PH_CLI_COMMON & UINT64_C(1) << i) != 0) {
            printf("%s%s", before, ph_cli_option_infos[i].name);
            before = " ";
        }
    }
    printf("\"\n    local -A options=(\n");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        if (ph_cli_commands[i].options != 0) {
            printf("        [\"%s\"]=\"", ph_cli_commands[i].name);
            option_words(ph_cli_commands[i].options);
            printf("\"\n");
        }
    }
    printf("    )\n    local -A takes_value=(");
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        const struct ph_cli_option_info *info = &ph_cli_option_infos[i];
        if (info->value != NULL) {
            printf(" [%s]=%s", info->name, info->value);
            if (info->letter != 0) {
                printf(" [-%c]=%s", info->letter, info->value);
            }
        }
    }
    printf(" )\n");
}

static void zsh_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else {
            if (*text == '[' || *text == ']' || *text == ':') {
                putchar('\\');
            }
            putchar(*text);
        }
    }
}

void ph_docs_zsh(void)
{
    printf("local -a commands=(\n");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        if (strchr(ph_cli_commands[i].name, ' ') == NULL) {
            printf("    '%s:", ph_cli_commands[i].name);
            zsh_quoted(ph_cli_commands[i].summary);
            printf("'\n");
        } else if (is_first_of_group(i)) {
            printf("    '%.*s:", (int)group_of(i).len, (const char *)group_of(i).ptr);
            const char *before = "";
            for (size_t at = i; at < ph_cli_command_count; at++) {
                struct ph_bytes rest = ph_bytes_str(ph_cli_commands[at].name);
                if (ph_bytes_eq(ph_bytes_next_word(&rest), group_of(i))) {
                    printf("%s%.*s", before, (int)rest.len, (const char *)rest.ptr);
                    before = ", ";
                }
            }
            printf("'\n");
        }
    }
    printf(")\nlocal -A actions=(\n");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        struct ph_bytes rest = ph_bytes_str(ph_cli_commands[i].name);
        struct ph_bytes group = ph_bytes_next_word(&rest);
        if (rest.len == 0 || !is_first_of_group(i)) {
            continue;
        }
        printf("    %.*s '", (int)group.len, (const char *)group.ptr);
        const char *before = "";
        for (size_t at = i; at < ph_cli_command_count; at++) {
            struct ph_bytes other = ph_bytes_str(ph_cli_commands[at].name);
            if (ph_bytes_eq(ph_bytes_next_word(&other), group)) {
                printf("%s%.*s", before, (int)other.len, (const char *)other.ptr);
                before = " ";
            }
        }
        printf("'\n");
    }
    printf(")\nlocal -a options=(\n");
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        const struct ph_cli_option_info *info = &ph_cli_option_infos[i];
        printf("    '%s%s[", i == PH_CLI_SET ? "*" : "", info->name);
        zsh_quoted(info->doc);
        printf("]");
        if (info->value != NULL) {
            const char *how = i == PH_CLI_CONFIG ? "_files" : i == PH_CLI_TYPE ? "(alias group forward)" : "";
            printf(":%s:%s", info->value, how);
        }
        printf("'\n");
    }
    printf(")\n");
}
