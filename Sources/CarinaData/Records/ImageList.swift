import CarinaRuntime

/// The images that a record names.
struct ImageList {
  /// Their paths in order; of a list that cannot be used, what can be read of it.
  var paths: [String] = []
  /// Why no sample can be made of them; nil where one can.
  var refusal: String?

  /// The elements of a list.
  /// - Parameter key: the list's name, for the refusal.
  init(_ list: [JSONValue], key: String) {
    for (index, value) in list.enumerated() {
      let text = value.writtenText.map(SampleFields.trimmed)
      if let text, !text.isEmpty { paths.append(text) }
      guard refusal == nil, text?.isEmpty ?? true else { continue }
      refusal =
        "\"\(key)[\(index)]\" "
        + (text == nil ? "is of another kind; expected a text or a number; found \(value.kindName)" : "is empty")
    }
    if list.isEmpty { refusal = "\"\(key)\" is an empty list" }
    if list.count > ImageMarks.imageLimit {
      refusal = "\"\(key)\" names \(list.count) images; expected at most \(ImageMarks.imageLimit)"
    }
    // A refused record names what it can in the list of what was left out, and no more.
    if refusal != nil { paths = Array(paths.prefix(1)) }
  }

  /// One image.
  init(_ path: String) { paths = [path] }
}
