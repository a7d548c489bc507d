/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words to a call, and help from the same table.
 */
#include "app/cli.h"

#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

_Static_assert(PH_CLI_OPTION_COUNT <= sizeof(uint64_t) * CHAR_BIT, "an option is a bit of a uint64_t");

static const char DEFAULT_CONFIG[] = "/etc/posthouse/posthouse.yaml";

/* ---- Arguments of a command ---- */

struct ph_bytes ph_cli_next_argument(struct ph_bytes *rest, bool *out_is_optional, bool *out_is_repeated)
{
    struct ph_bytes word = ph_bytes_next_word(rest);
    *out_is_optional = word.len > 2 && word.ptr[0] == '[';
    if (*out_is_optional) {
        word = ph_bytes_of(word.ptr + 1, word.len - 2);
    }
    *out_is_repeated = word.len > 3 && memcmp(word.ptr + word.len - 3, "...", 3) == 0;
    if (*out_is_repeated) {
        word.len -= 3;
    }
    return word;
}

static int check_words(const struct ph_cli_call *call, struct ph_error *err)
{
    struct ph_bytes rest = ph_bytes_str(call->command->arguments);
    size_t most = 0;
    for (;;) {
        bool is_optional = false;
        bool is_repeated = false;
        struct ph_bytes name = ph_cli_next_argument(&rest, &is_optional, &is_repeated);
        if (name.len == 0) {
            break;
        }
        if (!is_optional && call->word_count <= most) {
            return ph_fail(err, PH_EINVALID, "%s: expected %.*s", call->command->name, (int)name.len,
                           (const char *)name.ptr);
        }
        most = is_repeated ? PH_CLI_WORDS_MAX : most + 1;
    }
    if (call->word_count > most) {
        return ph_fail(err, PH_EINVALID, "%s: expected nothing more, found \"%s\"", call->command->name,
                       call->words[most]);
    }
    return PH_OK;
}

static int check_options(const struct ph_cli_call *call, struct ph_error *err)
{
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        if ((call->options & ~(call->command->options | PH_CLI_COMMON) & UINT64_C(1) << i) != 0) {
            return ph_fail(err, PH_EINVALID, "%s: takes no %s", call->command->name,
                           ph_cli_option_infos[i].name);
        }
    }
    return PH_OK;
}

/* ---- Options ---- */

static int take_option(struct ph_cli_call *call, enum ph_cli_option option, const char *value,
                       struct ph_error *err)
{
    call->options |= UINT64_C(1) << option;
    call->values[option] = value;
    if (option == PH_CLI_SET) {
        if (call->override_count == PH_CLI_OVERRIDES_MAX) {
            return ph_fail(err, PH_EINVALID, "--set: at most %d", PH_CLI_OVERRIDES_MAX);
        }
        call->overrides[call->override_count++] = value;
    }
    return PH_OK;
}

/* TEXT is "--name", "--name=value", "-n" or "-nvalue"; NEXT the word behind it, or NULL. *OUT_TAKES_NEXT: it was the
 * value. */
static int parse_option(struct ph_cli_call *call, const char *text, const char *next, bool *out_takes_next,
                        struct ph_error *err)
{
    *out_takes_next = false;
    bool is_long = text[1] == '-';
    size_t name_len = is_long ? strcspn(text, "=") : 2;
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        const struct ph_cli_option_info *info = &ph_cli_option_infos[i];
        bool is_it = is_long ? strlen(info->name) == name_len && strncmp(text, info->name, name_len) == 0
                             : info->letter != 0 && text[1] == info->letter;
        if (!is_it) {
            continue;
        }
        const char *attached = text[name_len] == '\0' ? NULL : text + name_len + (is_long ? 1 : 0);
        if (info->value == NULL) {
            if (attached != NULL) {
                return ph_fail(err, PH_EINVALID, "%s: takes no value", info->name);
            }
            return take_option(call, i, NULL, err);
        }
        if (attached == NULL && next == NULL) {
            return ph_fail(err, PH_EINVALID, "%s: expected %s", info->name, info->value);
        }
        *out_takes_next = attached == NULL;
        return take_option(call, i, attached == NULL ? next : attached, err);
    }
    return ph_fail(err, PH_EINVALID, "no such option: %s", text);
}

/* ---- The command ---- */

/* Finds the command that the first words name and takes them off. A group alone ("user") leaves it NULL. */
static int find_command(struct ph_cli_call *call, struct ph_error *err)
{
    if (call->word_count == 0) {
        return ph_cli_has(call, PH_CLI_HELP) ? PH_OK : ph_fail(err, PH_EINVALID, "expected a command");
    }
    struct ph_bytes first = ph_bytes_str(call->words[0]);
    bool is_group = false;
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        struct ph_bytes rest = ph_bytes_str(ph_cli_commands[i].name);
        if (!ph_bytes_eq(ph_bytes_next_word(&rest), first)) {
            continue;
        }
        size_t words = rest.len == 0 ? 1 : 2;
        is_group = is_group || words == 2;
        if (words == 1 || (call->word_count > 1 && ph_bytes_eq(rest, ph_bytes_str(call->words[1])))) {
            call->command = &ph_cli_commands[i];
            call->word_count -= words;
            memmove(call->words, call->words + words, call->word_count * sizeof call->words[0]);
            return PH_OK;
        }
    }
    if (!is_group) {
        return ph_fail(err, PH_EINVALID, "no such command: %s", call->words[0]);
    }
    if (call->word_count > 1) {
        return ph_fail(err, PH_EINVALID, "no such command: %s %s", call->words[0], call->words[1]);
    }
    return ph_cli_has(call, PH_CLI_HELP)
               ? PH_OK
               : ph_fail(err, PH_EINVALID, "%s: expected what to do", call->words[0]);
}

int ph_cli_parse(int argc, char **argv, struct ph_cli_call *out_call, struct ph_error *err)
{
    *out_call = (struct ph_cli_call){0};
    bool has_ended = false; /* after "--" */
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (!has_ended && strcmp(text, "--") == 0) {
            has_ended = true;
        } else if (!has_ended && text[0] == '-' && text[1] != '\0') {
            bool takes_next = false;
            int result = parse_option(out_call, text, i + 1 < argc ? argv[i + 1] : NULL, &takes_next, err);
            if (result != PH_OK) {
                return result;
            }
            i += takes_next ? 1 : 0;
        } else if (out_call->word_count == PH_CLI_WORDS_MAX) {
            return ph_fail(err, PH_EINVALID, "at most %d arguments", PH_CLI_WORDS_MAX);
        } else {
            out_call->words[out_call->word_count++] = text;
        }
    }
    int result = find_command(out_call, err);
    if (result != PH_OK || ph_cli_has(out_call, PH_CLI_HELP)) {
        return result;
    }
    result = check_words(out_call, err);
    return result == PH_OK ? check_options(out_call, err) : result;
}

const char *ph_cli_config_path(const struct ph_cli_call *call)
{
    return call->values[PH_CLI_CONFIG] == NULL ? DEFAULT_CONFIG : call->values[PH_CLI_CONFIG];
}

/* ---- Help ---- */

static void print_options(FILE *out, uint64_t options)
{
    fprintf(out, "\nOptions:\n");
    for (unsigned i = 0; i < PH_CLI_OPTION_COUNT; i++) {
        const struct ph_cli_option_info *info = &ph_cli_option_infos[i];
        if ((options & UINT64_C(1) << i) != 0) {
            int width = info->letter == 0 ? fprintf(out, "      %s", info->name)
                                          : fprintf(out, "  -%c, %s", info->letter, info->name);
            width += info->value == NULL ? 0 : fprintf(out, " %s", info->value);
            fprintf(out, "%*s%s\n", width < 26 ? 26 - width : 1, "", info->doc);
        }
    }
}

static void print_line(FILE *out, const struct ph_cli_command *command)
{
    int width =
        fprintf(out, "  %s%s%s", command->name, command->arguments[0] == '\0' ? "" : " ", command->arguments);
    fprintf(out, "%*s%s\n", width < 30 ? 30 - width : 1, "", command->summary);
}

void ph_cli_help(FILE *out, const struct ph_cli_command *command, const char *group)
{
    if (command != NULL) {
        fprintf(out, "posthouse [OPTION]... %s%s%s\n\n%s\n", command->name,
                command->arguments[0] == '\0' ? "" : " ", command->arguments, command->summary);
        if (command->text != NULL) {
            fprintf(out, "%s\n", command->text);
        }
        print_options(out, command->options | PH_CLI_COMMON);
        return;
    }
    fprintf(out, "posthouse [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        struct ph_bytes rest = ph_bytes_str(ph_cli_commands[i].name);
        struct ph_bytes first = ph_bytes_next_word(&rest);
        if (group == NULL || ph_bytes_eq(first, ph_bytes_str(group))) {
            print_line(out, &ph_cli_commands[i]);
        }
    }
    print_options(out, PH_CLI_COMMON);
    fprintf(out, "\n`posthouse COMMAND --help` says more about one; see also posthouse(1).\n");
}

/* ---- Ends ---- */

int ph_cli_exit_code(int class)
{
    switch (class) {
    case PH_OK: return EX_OK;
    case PH_EINVALID: return EX_DATAERR;
    case PH_ENOTFOUND: return EX_NOUSER;
    case PH_ECONFLICT: return EX_CANTCREAT;
    case PH_EDENIED: return EX_NOPERM;
    case PH_ELIMIT: return EX_DATAERR;
    case PH_EBUSY:
    case PH_EUNKNOWN_OUTCOME: return EX_TEMPFAIL;
    case PH_EUNAVAILABLE: return EX_UNAVAILABLE;
    case PH_ECORRUPT: return EX_IOERR;
    default: return EX_SOFTWARE;
    }
}

int ph_cli_report(const struct ph_cli_call *call, const struct ph_error *err)
{
    if (ph_cli_has(call, PH_CLI_JSON)) {
        /* A text may quote octets that are no UTF-8, which JSON cannot hold. */
        json_t *text = json_string(err->text);
        json_t *error = json_pack("{s:{s:s, s:o}}", "error", "class", ph_error_name(err->code), "text",
                                  text == NULL ? json_string(ph_error_name(err->code)) : text);
        char *line = json_dumps(error, JSON_COMPACT);
        fprintf(stderr, "%s\n", line);
        free(line);
        json_decref(error);
    } else {
        fprintf(stderr, "posthouse: %s\n", err->text[0] == '\0' ? ph_error_name(err->code) : err->text);
    }
    return ph_cli_exit_code(err->code);
}
