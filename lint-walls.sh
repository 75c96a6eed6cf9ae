#!/usr/bin/env bash
# What the compiler cannot keep: names of folders, files a folder, lengths, and forced operations. `make lint` runs it; it says
# file:line and which wall, and fails if there is any offence. Who may import whom stands in Package.swift and is checked by the build.
# usage: lint-walls.sh [ROOT]     ROOT is the root of the repository, by default where this script lies.
set -euo pipefail
cd "${1:-$(dirname "$0")}"
export LC_ALL=C
[ -d Sources ] || { echo "Sources: there is no engine here"; exit 1; }
roots=(Sources)
for folder in Tests Benchmarks notebooks; do [ -d "$folder" ] && roots+=("$folder"); done

offences=$(
  find "${roots[@]}" -type d -iregex '.*/\(utils?\|utilities\|commons?\|helpers?\|support\|misc\)' |
    sed 's/$/: no folder of this name: name it for the idea it holds/'
  find Sources -name '*.swift' -printf '%h\n' | sort | uniq -c |
    awk '$1 > 26 { print $2 ": " $1 " files; a folder is read at a glance: at most 26" }'
  find "${roots[@]}" -type f \( -name '*.swift' -o -name '*.c' -o -name '*.h' -o -name '*.cpp' \) -print0 | sort -z | xargs -0 -r awk '
    FNR == 1 { checks = FILENAME ~ /^Sources\/.*\.swift$/ }
    FNR == 401 { print FILENAME ":401: a file has at most 400 lines" }
    checks {
      code = $0
      gsub(/\\"/, "", code)
      gsub(/"[^"]*"/, "", code)
      sub(/\/\/.*/, "", code)
      if (code ~ /(^|[^A-Za-z0-9_])(try!|as!)/) print FILENAME ":" FNR ": no try! and no as!: check and throw a CarinaError"
      if (code ~ /(^|[^A-Za-z0-9_])fatalError *\(/) print FILENAME ":" FNR ": no fatalError: throw a CarinaError"
      text = $0
      sub(/^[ \t]*\/\/.*/, "", text)
      if (FILENAME ~ /^Sources\/Carina/ && text ~ /"([^"]*[^"A-Za-z0-9-])?--[a-z]/)
        print FILENAME ":" FNR ": no --option in the engine: name the setting, CommandOptions spells it"
    }'
)
[ -z "$offences" ] && exit 0
echo "$offences"
exit 1
