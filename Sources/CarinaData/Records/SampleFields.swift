import CarinaRuntime

/// The fields of one object, as texts without white space around them.
struct SampleFields {
  let object: JSONObject
  let source: String

  /// - Throws: `CarinaError.badData` when the value is no object.
  init(_ value: JSONValue, source: String) throws {
    guard let object = value.object else {
      throw CarinaError(.badData, "is no object", at: source, expected: "an object", found: value.kindName)
    }
    (self.object, self.source) = (object, source)
  }

  /// Whether a key has a value: null and NaN are none.
  func has(_ key: String) -> Bool { !(object[key]?.isMissing ?? true) }

  /// The path of the one image under a key, a text or a list of one.
  /// - Throws: `CarinaError.badData` when there is none or several.
  func image(_ key: String) throws -> String {
    let images = try images(key)
    guard images.count <= 1 else {
      throw CarinaError(
        .badData, "\"\(key)\" names \(images.count) images", at: source, expected: "one image a sample",
        found: images.prefix(3).joined(separator: ", ") + (images.count > 3 ? ", …" : ""),
        remedy: "Give each image a sample of its own.")
    }
    guard let image = images.first else {
      throw has(key) ? CarinaError(.badData, "\"\(key)\" is an empty list", at: source) : absent(key)
    }
    guard !image.isEmpty else { throw CarinaError(.badData, "\"\(key)\" is empty", at: source) }
    return image
  }

  /// The images under a key, a text or a list of texts. What is wrong with a list is its refusal.
  /// - Throws: `CarinaError.badData` when there is nothing under the key, an empty text, or something else.
  func imageList(_ key: String) throws -> ImageList {
    if case .array(let list)? = object[key] { return ImageList(list, key: key) }
    return ImageList(try image(key))
  }

  /// A text for each of several images: that under a key for the first, or a list with one for each.
  /// - Returns: the texts, empty where there are none, and why a list does not fit.
  /// - Throws: `CarinaError.badData` for anything but a text or a list of texts.
  func perImage(_ key: String, count: Int) throws -> (texts: [String], refusal: String?) {
    guard case .array(let list)? = object[key] else {
      return ([try optional(key) ?? ""] + Array(repeating: "", count: max(0, count - 1)), nil)
    }
    let texts = try list.enumerated().map { index, value in
      if value.isMissing { return "" }
      guard let text = value.writtenText else { throw wrong("\(key)[\(index)]", value) }
      return SampleFields.trimmed(text)
    }
    guard texts.count == count else {
      return (
        Array(repeating: "", count: count),
        "\"\(key)\" lists \(texts.count) texts for \(count) \(count == 1 ? "image" : "images")"
      )
    }
    return (texts, nil)
  }

  /// The paths of the images under a key, a text or a list of texts; none when the key is absent or has no value.
  /// - Throws: `CarinaError.badData` for anything else.
  func images(_ key: String) throws -> [String] {
    guard case .array(let list)? = object[key] else { return try optional(key).map { [$0] } ?? [] }
    return try list.enumerated().map { index, value in
      guard let text = value.writtenText else { throw wrong("\(key)[\(index)]", value) }
      return SampleFields.trimmed(text)
    }
  }

  /// A list.
  /// - Throws: `CarinaError.badData` when there is none.
  func list(_ key: String) throws -> [JSONValue] {
    guard let value = object[key], !value.isMissing else { throw absent(key, expected: "a list") }
    guard let list = value.array else { throw wrong(key, value, expected: "a list") }
    return list
  }

  /// A text, or a number written as text.
  /// - Throws: `CarinaError.badData` when there is none.
  func required(_ key: String, remedy: String? = nil) throws -> String {
    guard let text = try optional(key) else { throw absent(key, remedy: remedy) }
    return text
  }

  /// A text, or a number written as text; nil when the key is absent or has no value.
  /// - Throws: `CarinaError.badData` for anything else.
  func optional(_ key: String) throws -> String? {
    guard let value = object[key], !value.isMissing else { return nil }
    guard let text = value.writtenText else { throw wrong(key, value) }
    return SampleFields.trimmed(text)
  }

  private func absent(_ key: String, expected: String = "a text", remedy: String? = nil) -> CarinaError {
    if let value = object[key] {
      return CarinaError(
        .badData, "\"\(key)\" is \(value.kindName), which says that there is no value", at: source,
        expected: expected, remedy: "Fill it in, or leave this entry out.")
    }
    return CarinaError(
      .badData, "the key \"\(key)\" is missing", at: source, found: "the keys \(object.keys.joined(separator: ", "))",
      remedy: remedy)
  }

  private func wrong(_ key: String, _ value: JSONValue, expected: String = "a text or a number") -> CarinaError {
    CarinaError(.badData, "\"\(key)\" is of another kind", at: source, expected: expected, found: value.kindName)
  }

  static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }
}
