# SPDX-License-Identifier: GPL-3.0-or-later
# Completion of wg-autopeer(1) for bash.

_wg_autopeer() {
  local word=${COMP_WORDS[COMP_CWORD]} command='' i
  local commands='status monitor explain resync enable disable pause resume hold diagnose import'

  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -* ]] || command=${command:-${COMP_WORDS[i]}}
  done

  local words=''
  case $command:$word in
    :-*) words='--help --version' ;;
    :*) words=$commands ;;
    status:-* | monitor:-* | explain:-*) words='--json --help' ;;
    resync:-*) words='--wait --help' ;;
    diagnose:-*) words='--output --help' ;;
    *:-*) words='--help' ;;
    pause:*) words='network 30min 1h 4h' ;;
    import:*) words=$(compgen -f -X '!*.json' -- "$word") ;;
    explain:*)
      # Addresses of the peers that the helper shows us; it is not started for that.
      words=$(wg-autopeer status --json 2>/dev/null |
        grep -o '"addresses":\[[^]]*\]' | grep -Eo '"[0-9a-f.:]+"' | tr -d '"')
      ;;
  esac

  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  # An IPv6 address is one word for us, and several for readline.
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$word"
  fi
}

complete -F _wg_autopeer wg-autopeer
