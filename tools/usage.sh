# SPDX-License-Identifier: MIT
# What scripts say of themselves, for them to source: the comment at their top.

# usage_refuse REASON: end with the status of a command that was not understood.
usage_refuse() {
    echo "${0##*/}: $1; ${0##*/} --help tells more" >&2
    exit 2
}

# usage_check LEAST MOST WORD...: answer --help; refuse options, and too few or too many words.
usage_check() {
    usage_least=$1
    usage_most=$2
    shift 2
    case ${1:-} in
    -h | --help)
        awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"
        exit 0
        ;;
    -*) usage_refuse "unknown option $1" ;;
    esac
    [ $# -ge "$usage_least" ] || usage_refuse "an argument is missing"
    [ $# -le "$usage_most" ] || usage_refuse "too many arguments"
    for usage_word in "$@"; do
        case $usage_word in
        -*) usage_refuse "unknown option $usage_word" ;;
        esac
    done
}

# usage_one_of WORD KNOWN...: refuse a word that is none of these.
usage_one_of() {
    usage_word=$1
    shift
    for usage_known in "$@"; do
        [ "$usage_word" != "$usage_known" ] || return 0
    done
    usage_refuse "$usage_word is none of: $*"
}

# usage_empty FOLDER [OWN]: refuse a folder that has something in it; OWN is emptied, it is ours.
usage_empty() {
    [ "$1" != "${2:-}" ] || rm -rf "$1"
    [ -z "$(ls -A "$1" 2>/dev/null)" ] || usage_refuse "$1 is not empty"
}
