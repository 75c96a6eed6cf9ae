import CarinaRuntime

/// What the `config.json` of a `Gemma3ForConditionalGeneration` says besides its text part and its vision tower
/// (transformers `Gemma3Config`).
package struct JoinedGemma3Config: Equatable, Sendable {
  /// Ids of the pieces before and behind an image, and of the one that stands for each of its rows.
  package let startOfImage: Int, endOfImage: Int, softToken: Int
  /// Rows that an image takes in a sequence (`mm_tokens_per_image`).
  package let tokensPerImage: Int

  /// Collects the values.
  package init(startOfImage: Int, endOfImage: Int, softToken: Int, tokensPerImage: Int) {
    self.startOfImage = startOfImage
    self.endOfImage = endOfImage
    self.softToken = softToken
    self.tokensPerImage = tokensPerImage
  }

  /// Reads the keys under either of their names; an omitted one means the class default of transformers.
  /// - Parameter vocabularySize: rows of the table in which all three ids must have one.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, vocabularySize: Int, source: String) throws {
    let keys = try ConfigObject(json, source: source)
    func token(_ name: String, default fallback: Int) throws -> Int {
      let spellings = ["\(name)_token_index", "\(name)_token_id"]
      let given = spellings.filter { keys.value($0) != nil }
      if given.count == 2, keys.value(spellings[0]) != keys.value(spellings[1]) {
        throw keys.wrong(spellings[1], expected: "the same as \(spellings[0]), which is another name of it")
      }
      let key = given.first ?? spellings[0]
      let id = try keys.size(key, default: fallback, least: 0)
      guard id < vocabularySize else {
        let error = keys.wrong(key, expected: "an id below \(vocabularySize), the vocabulary of text_config")
        throw CarinaError(
          .badData, "the configuration contradicts itself: \(key) lies outside the vocabulary", at: source,
          expected: error.expected, found: "\(id)",
          remedy: "Check vocab_size and \(key): the two are not of the same model.")
      }
      return id
    }
    startOfImage = try token("boi", default: 255_999)
    endOfImage = try token("eoi", default: 256_000)
    softToken = try token("image", default: 262_144)
    tokensPerImage = try keys.size("mm_tokens_per_image", default: 256)
    guard Set([startOfImage, endOfImage, softToken]).count == 3 else {
      throw CarinaError(
        .badData, "the configuration contradicts itself: two of the ids around an image are the same", at: source,
        expected: "three ids: boi_token_index, eoi_token_index and image_token_index",
        found: "\(startOfImage), \(endOfImage) and \(softToken)", remedy: "Take the config.json of the model again.")
    }
  }

  /// What goes into `config.json` beside the two parts.
  package var json: JSONObject {
    JSONObject([
      ("boi_token_index", .integer(startOfImage)), ("eoi_token_index", .integer(endOfImage)),
      ("image_token_index", .integer(softToken)), ("initializer_range", 0.02),
      ("mm_tokens_per_image", .integer(tokensPerImage)), ("model_type", "gemma3"),
    ])
  }
}
