#!/usr/bin/env bash
# Checks the walls of docs/architecture.md; `make lint` runs it. Says file:line and which wall, and fails if there is any offence.
# usage: lint-walls.sh [ROOT]     ROOT is the root of the repository, by default where this script lies.
#
# A use of a room is a whole identifier, outside comments and string literals, that a higher room declares at top level as
# a type or function that is not private. Members that a higher room adds to a lower type by extension are not seen.
set -euo pipefail
cd "${1:-$(dirname "$0")}"
export LC_ALL=C

{
  find Sources Tests Benchmarks -type d -iregex '.*/\(utils?\|utilities\|commons?\|helpers?\|support\|misc\)' 2>/dev/null |
    sed 's/^/D /' || true
  find Sources Tests Benchmarks -type f \( -name '*.swift' -o -name '*.c' -o -name '*.h' \) 2>/dev/null | sort |
    sed 's/^/F /' || true
} | awk '
BEGIN {
  roomCount = split("Runtime Tensor Text Data Model Checkpoint Training Generation Evaluation Report", rooms, " ")
  for (r = 1; r <= roomCount; r++) level[rooms[r]] = r
  home["CRuntime"] = "Runtime"
  home["CKernels"] = home["COpenBLAS"] = home["COneDNN"] = "Tensor"
  home["CHDF5"] = home["CImageCodecs"] = home["CDICOM"] = "Data"
  apart["Model", "Data"] = "Data and Model never meet"
  apart["Data", "Model"] = "Data and Model never meet"
  apart["Model", "Text"] = "a tokenizer never enters Model"
  while ((getline line < "Package.swift") > 0)
    if (match(line, /program\("[^"]+"\)/)) {
      name = substr(line, RSTART + 9, RLENGTH - 11)
      gsub(/-/, "_", name)
      isProgram[name] = 1
    }
  hard = 400
  soft = 300
}

function offence(place, wall) { print place ": " wall; offences++ }

# The code of one line: comments and string literals blanked, interpolated expressions kept. What is open at the end of
# a line (a block comment, a text of several lines) is remembered in top, kind[] and their companions.
function code(s,   out, token, rest, mark) {
  out = ""
  while (s != "") {
    if (kind[top] == "comment") {
      if (!match(s, /\*\/|\/\*/)) return out
      nesting[top] += substr(s, RSTART, 1) == "*" ? -1 : 1
      s = substr(s, RSTART + 2)
      if (nesting[top] == 0) top--
    } else if (kind[top] == "text") {
      mark = index(s, close_[top])
      rest = index(s, escape[top])
      if (rest > 0 && (mark == 0 || rest < mark)) {
        s = substr(s, rest + length(escape[top]))
        if (substr(s, 1, 1) == "(") { top++; kind[top] = "inner"; parens[top] = 0; out = out " " } else s = substr(s, 2)
      } else if (mark > 0) {
        s = substr(s, mark + length(close_[top]))
        top--
        out = out "\"\""
      } else {
        if (!isLong[top]) top--
        return out
      }
    } else {
      if (!match(s, /\/\/|\/\*|#*"""|#*"|[()]/)) return out s
      token = substr(s, RSTART, RLENGTH)
      out = out substr(s, 1, RSTART - 1)
      s = substr(s, RSTART + RLENGTH)
      if (token == "//") return out
      if (token == "/*") { top++; kind[top] = "comment"; nesting[top] = 1 }
      else if (token == "(" || token == ")") {
        out = out token
        if (kind[top] == "inner") { parens[top] += token == "(" ? 1 : -1; if (parens[top] == 0) top-- }
      } else {
        mark = token
        gsub(/"/, "", mark)
        top++
        kind[top] = "text"
        isLong[top] = token ~ /"""/
        close_[top] = (isLong[top] ? "\"\"\"" : "\"") mark
        escape[top] = "\\" mark
      }
    }
  }
  return out
}

function checkImport(text, place, room, folder,   name) {
  sub(/^ *(@[A-Za-z_]+(\([a-z]*\))? +)*((public|package|internal|private|fileprivate) +)?import +((struct|class|enum|protocol|func|var|let|typealias) +)?/, "", text)
  name = text
  sub(/[^A-Za-z0-9_].*/, "", name)
  if (name in home) {
    if (room != home[name]) offence(place, "the C module " name " is imported in " home[name] " alone")
  } else if (folder == "Carina" && name != "Foundation" && name != "FoundationXML" && name != "Logging")
    offence(place, "the engine imports Foundation (and its XML part), Logging and its C modules, not " name)
  else if (name in isProgram) offence(place, "nothing imports a program, and " name " is one")
}

function note(text, room,   name, keyword, isOpen) {
  if (!match(text, /(struct|class|enum|protocol|actor|typealias|associatedtype|func) +[A-Za-z_][A-Za-z0-9_]*/)) return
  if (RSTART > 1 && substr(text, RSTART - 1, 1) != " ") return
  name = substr(text, RSTART, RLENGTH)
  keyword = name
  sub(/ .*/, "", keyword)
  sub(/^.* /, "", name)
  isOpen = text ~ /^[a-z@]/ && text !~ /(^| )(private|fileprivate) /
  own[room, name] = 1
  if (!isOpen) return
  if (keyword == "func") functionRoom[name] = room
  else typeRoom[name] = room
}

$1 == "D" { offence(substr($0, 3), "no folder of this name: name it for the idea it holds"); next }

{
  file = substr($0, 3)
  isSwift = file ~ /\.swift$/
  split(file, part, "/")
  folder = part[1] == "Sources" ? part[2] : ""
  room = folder == "Carina" ? part[3] : ""
  if (folder == "Carina" && !(room in level)) offence(file, "outside every room")
  count = 0
  top = 0
  kind[0] = "code"
  while ((getline line < file) > 0) {
    count++
    if (!isSwift || folder == "") continue
    text = code(line)
    if (text ~ /^ *$/) continue
    place = file ":" count
    if (text ~ /(^| )import +[A-Za-z]/) checkImport(text, place, room, folder)
    if (text ~ /(^|[^A-Za-z0-9_])try!/) offence(place, "no try!: throw a CarinaError")
    if (text ~ /(^|[^A-Za-z0-9_])as!/) offence(place, "no as!: check and throw a CarinaError")
    if (text ~ /(^|[^A-Za-z0-9_])fatalError *\(/) offence(place, "no fatalError: throw a CarinaError")
    if (room in level) {
      note(text, room)
      stored++
      storedText[stored] = text
      storedPlace[stored] = place
      storedRoom[stored] = room
    }
  }
  close(file)
  if (top > 0) offence(file, "this checker lost track of its comments or strings")
  if (count > hard) offence(file ":" hard + 1, count " lines; a file has at most " hard)
  else if (count > soft) print file ": warning: " count " lines; think of dividing it" > "/dev/stderr"
}

END {
  for (i = 1; i <= stored; i++) {
    text = storedText[i]
    room = storedRoom[i]
    before = ""
    while (match(text, /[A-Za-z_][A-Za-z0-9_]*/)) {
      name = substr(text, RSTART, RLENGTH)
      if (RSTART > 1) before = substr(text, 1, RSTART - 1)
      text = substr(text, RSTART + RLENGTH)
      isMember = before ~ /\.$/ && previous != "Carina"
      previous = name
      if (isMember || (room, name) in own) { before = ""; continue }
      other = ""
      if (name in typeRoom) other = typeRoom[name]
      else if (name in functionRoom && text ~ /^\(/) other = functionRoom[name]
      before = ""
      if (other == "" || other == room) continue
      if ((room, other) in apart) offence(storedPlace[i], apart[room, other] ": " room " uses " other "\047s " name)
      else if (level[other] > level[room])
        offence(storedPlace[i], "a room uses only lower ones: " room " uses " other "\047s " name)
    }
  }
  if (!stored) offence("Sources/Carina", "there is no engine here")
  if (offences) { print offences " offences against the walls" > "/dev/stderr"; exit 1 }
}'
