import Carina

/// Writes the header of a run to stderr: program, version and the resolved options, one a line.
public func writeRunHeader(_ program: String, _ options: [(name: String, value: String)]) {
  let width = options.map(\.name.count).max() ?? 0
  var text = "\(program) \(CarinaVersion.current)\n"
  for (name, value) in options {
    text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(value)\n"
  }
  writeToStandardError(text)
}
