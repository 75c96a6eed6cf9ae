#!/usr/bin/env bash
# What the compiler cannot keep: names of folders and files, files a folder, lengths, forced operations, and durations by the time of day. `make lint` runs it; it
# says file:line and which rule, and fails if there is any offence. Who may import whom stands in Package.swift and is checked by the build.
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
    FNR == 1 {
      # Rooms that key by foreign texts; named are files whose keys are digests or names of ours, or whose signature is of a library.
      foreign = FILENAME ~ /^Sources\/(CarinaData\/(Archives|Records|Splits|Preprocess|Shards)|CarinaEngine\/(Evaluation|Generation))\// \
        && FILENAME !~ /\/(OpenIReport|SampleFormat\+Published|ShardAudit)\.swift$/
    }
    checks {
      code = $0
      gsub(/\\"/, "", code)
      gsub(/"[^"]*"/, "", code)
      sub(/\/\/.*/, "", code)
      if (code ~ /(^|[^A-Za-z0-9_])(try!|as!)/) print FILENAME ":" FNR ": no try! and no as!: check and throw a CarinaError"
      if (code ~ /(^|[^A-Za-z0-9_])fatalError *\(/) print FILENAME ":" FNR ": no fatalError: throw a CarinaError"
      if (code ~ /(^|[^A-Za-z0-9_])Date\(\)|CFAbsoluteTime|timeIntervalSince|gettimeofday/)
        print FILENAME ":" FNR ": no time of day for durations: take ProcessInfo.processInfo.systemUptime, which nobody sets"
      if (code ~ /as NSString\)\.deletingLastPathComponent/)
        print FILENAME ":" FNR ": no deletingLastPathComponent of a text, which ends the process for a path of one letter: take FileName.directory(of:)"
      if (foreign && code ~ /\[String: |\[String:\]|Set<String>/)
        print FILENAME ":" FNR ": foreign texts are keyed by ExactText: String equates canonically equivalent spellings"
      text = $0
      sub(/^[ \t]*\/\/.*/, "", text)
      if (FILENAME ~ /^Sources\/Carina/ && text ~ /"([^"]*[^"A-Za-z0-9-])?--[a-z]/)
        print FILENAME ":" FNR ": no --option in the engine: name the setting, CommandOptions spells it"
    }'
  # A type is found by the name of its file: Type.swift, or Type+Capability.swift where an extension has a file of its own. A type of at
  # most 20 lines may stay with the type or the function that needs it.
  find Sources -name '*.swift' -print0 | sort -z | xargs -0 -r awk '
    function offence(line, what) { print file ":" line ": " what }
    function close_file(  i) {
      for (i = 1; i <= types; i++) {
        if (name[i] == owner) continue
        if (last[i] - first[i] >= 20)
          offence(first[i], name[i] " has more than 20 lines and lies in a file of another name: move it to " name[i] ".swift")
        else if (!holds_owner && !functions && extended == "")
          offence(first[i], name[i] " lies in a file that is named for none of its types: name it " name[i] ".swift")
      }
      if (types + functions == 0 && extended != "" && !extends_owner)
        offence(extension_line, "a file that extends " extended " alone is named " extended "+Capability.swift")
    }
    FNR == 1 {
      if (file) close_file()
      file = FILENAME; owner = FILENAME
      sub(/.*\//, "", owner); sub(/\.swift$/, "", owner); sub(/\+.*/, "", owner)
      types = functions = holds_owner = extends_owner = inside = 0; extended = ""
    }
    inside && /^}/ { last[types] = FNR; inside = 0 }
    /^(@[A-Za-z]+(\([^)]*\))? )*((public|package|internal|final|indirect|nonisolated) )*(struct|class|enum|protocol|actor|typealias) [A-Z]/ {
      line = $0
      sub(/^(.* )?(struct|class|enum|protocol|actor|typealias) /, "", line); sub(/[^A-Za-z0-9_].*/, "", line)
      name[++types] = line; first[types] = last[types] = FNR
      if (line == owner) holds_owner = 1
      inside = $0 !~ /}$/ && $0 !~ /typealias/
    }
    /^(@[A-Za-z]+(\([^)]*\))? )*(public |package )?func / { functions++ }
    /^(public |package )?extension [A-Z]/ {
      line = $0
      sub(/^.*extension /, "", line); sub(/[^A-Za-z0-9_].*/, "", line)
      if (extended == "") { extended = line; extension_line = FNR }
      if (line == owner) extends_owner = 1
    }
    END { if (file) close_file() }'
)
[ -z "$offences" ] && exit 0
echo "$offences"
exit 1
