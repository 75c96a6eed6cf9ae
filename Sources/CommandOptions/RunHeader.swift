import Carina

/// Settings as lines of a header, under the names of their options.
public func headerLines(_ texts: [(name: SettingName, value: String)]) -> [(name: String, value: String)] {
  texts.map { ($0.name.optionName, $0.value) }
}

extension [(name: String, value: String)] {
  /// With other values for the lines of these names.
  public func resolving(_ values: [String: String]) -> Self { map { ($0.name, values[$0.name] ?? $0.value) } }

  /// With the value of one line behind that of another: `4 × 2`.
  func combining(_ name: String, _ factor: String) -> Self {
    let second = first { $0.name == factor }?.value ?? ""
    return filter { $0.name != factor }.map { $0.name == name ? (name, "\($0.value) × \(second)") : $0 }
  }
}

/// Writes the header of a run to stderr: program, version and the resolved options, one a line.
public func writeRunHeader(_ program: String, _ options: [(name: String, value: String)]) {
  let width = options.map(\.name.count).max() ?? 0
  var text = "\(program) \(CarinaVersion.current)\n"
  for (name, value) in options {
    text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(DisplayedText.of(value))\n"
  }
  writeToStandardError(text)
}
