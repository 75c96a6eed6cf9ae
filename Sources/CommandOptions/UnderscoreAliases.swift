/// The command line with underscores in the names of long options turned into hyphens: `--image_root D` is
/// `--image-root D`. Values, also those after `=`, stay as they are, and so does everything after a lone `--`.
/// - Parameter arguments: without the program's name; the process's own unless given.
public func normalizedArguments(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) -> [String] {
  var result: [String] = []
  var optionsEnded = false
  for argument in arguments {
    if argument == "--" { optionsEnded = true }
    guard !optionsEnded, argument.hasPrefix("--"), argument.count > 2, !argument.contains(" ") else {
      result.append(argument)
      continue
    }
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0].map { $0 == "_" ? "-" : $0 })
    result.append(parts.count == 1 ? name : "\(name)=\(parts[1])")
  }
  return result
}
