/// The command line with underscores in the names of long options turned into hyphens: `--image_root D` is
/// `--image-root D`. Values, also those after `=`, stay as they are, and so does everything after a lone `--`.
///
/// A negative number after an option is joined to it, `--length-penalty=-1`, because the parser would take it for an
/// option.
/// - Parameter arguments: without the program's name; the process's own unless given.
public func normalizedArguments(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) -> [String] {
  var result: [String] = []
  var optionsEnded = false, takesNumber = false
  for argument in arguments {
    if argument == "--" { optionsEnded = true }
    if takesNumber, !optionsEnded, isNegativeNumber(argument) {
      result[result.count - 1] += "=\(argument)"
      takesNumber = false
      continue
    }
    takesNumber = false
    guard !optionsEnded, argument.hasPrefix("--"), argument.count > 2, !argument.contains(" ") else {
      result.append(argument)
      continue
    }
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0].map { $0 == "_" ? "-" : $0 })
    result.append(parts.count == 1 ? name : "\(name)=\(parts[1])")
    takesNumber = parts.count == 1
  }
  return result
}

/// Whether a word is a number below zero as people write it: `-1`, `-.5`, `-1e-3`, `-inf`. No option is spelled so.
private func isNegativeNumber(_ word: String) -> Bool {
  guard word.hasPrefix("-") else { return false }
  let rest = word.dropFirst()
  return rest.first.map { $0.isASCII && $0.isNumber } == true || Double(word) != nil
}
