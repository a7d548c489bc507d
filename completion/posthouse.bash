# SPDX-License-Identifier: Apache-2.0
# Completion of posthouse(1) for bash. Made by tools/generate-docs from docs/templates and src/app/cli_table.c.

_posthouse() {
    local commands="serve check-config init domain user alias mailbox message import export deliver check fix-pop3-inconsistencies denormalize-metadata remove-orphaned-content backup restore schema status version"
    local -A actions=(
        [domain]="add remove list"
        [user]="add remove list passwd verify"
        [alias]="add remove list"
        [mailbox]="list create delete"
        [message]="list show delete"
        [schema]="create check upgrade statements"
    )
    local common="--config --set --json --help"
    local -A options=(
        ["init"]=" --password-stdin --yes --hostname --domain --user --ports --address --certificate --key --data-dir --force"
        ["user add"]=" --password-stdin"
        ["user remove"]=" --yes"
        ["user passwd"]=" --password-stdin"
        ["user verify"]=" --password-stdin"
        ["alias add"]=" --type"
        ["alias remove"]=" --type"
        ["mailbox delete"]=" --yes"
        ["message list"]=" --mailbox"
        ["message show"]=" --mailbox"
        ["message delete"]=" --mailbox"
        ["import"]=" --mailbox --format --uidl-format --map --verify --dry-run"
        ["export"]=" --mailbox --format"
        ["deliver"]=" --sender"
        ["check"]=" --full --repair"
        ["fix-pop3-inconsistencies"]=" --dry-run --rate --anew"
        ["denormalize-metadata"]=" --dry-run --rate --anew"
        ["remove-orphaned-content"]=" --dry-run --rate --age --anew"
        ["backup"]=" --verify --incremental --generation"
        ["restore"]=" --generation --to"
        ["schema create"]=" --replication --profile"
        ["schema check"]=" --profile"
        ["schema upgrade"]=" --profile"
        ["schema statements"]=" --profile"
    )
    local -A takes_value=( [--config]=FILE [-c]=FILE [--set]=KEY=VALUE [-s]=KEY=VALUE [--type]=TYPE [-t]=TYPE [--mailbox]=NAME [-m]=NAME [--sender]=SENDER [-f]=SENDER [--format]=FORMAT [--uidl-format]=TEXT [--map]=FILE [--rate]=ROWS [--age]=HOURS [--generation]=NAME [--to]=DATA_DIR [--hostname]=NAME [--domain]=DOMAIN [--user]=USER [--ports]=PORTS [--address]=IPS [--certificate]=FILE [--key]=FILE [--data-dir]=DIRECTORY [--replication]=DCS [--profile]=PROFILE )
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()

    case ${takes_value[$before]:-} in
    FILE)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
        return
        ;;
    TYPE)
        mapfile -t COMPREPLY < <(compgen -W "alias group forward" -- "$current")
        return
        ;;
    ?*) return ;;
    esac

    # The words of the command so far, without options and their values.
    local words=() word skip= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [ -n "$skip" ]; then
            skip=
        elif [ -n "${takes_value[$word]:-}" ]; then
            skip=1
        elif [[ $word != -* ]]; then
            words+=("$word")
        fi
    done

    local command=${words[0]:-}
    if [ -n "$command" ] && [ -n "${actions[$command]:-}" ] && [ -n "${words[1]:-}" ]; then
        command="$command ${words[1]}"
    fi
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$common ${options[$command]:-}" -- "$current")
    elif [ ${#words[@]} -eq 0 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    elif [ ${#words[@]} -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "${actions[$command]:-}" -- "$current")
    fi
}
complete -F _posthouse posthouse
