import Carina

/// Refuses options under the names of other tools, with their names here.
/// - Parameter words: the command line with hyphens in the names of options.
/// - Throws: `CarinaError.usage` naming the first.
func refuseForeignOptions(_ program: String, _ words: [String]) throws {
  let options = ForeignOption.options(of: program)
  // The other commands of infer have options of their own.
  guard !options.isEmpty, !(program == "infer" && words.first.map { !$0.hasPrefix("-") } == true) else { return }
  for word in words.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
    let name = String(word.dropFirst(2).prefix { $0 != "=" })
    guard let option = options[name] else { continue }
    throw CarinaError(
      .usage, "--\(name) is \(option.origin), and no option of \(program)", remedy: option.remedy)
  }
}
